"""One headband and one night: sample packets in, a hypnogram out. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from math import floor
from types import MappingProxyType

from gateway.acquisition.assemble import Assembler
from gateway.acquisition.grid import Grid
from gateway.acquisition.lane import LAG_S
from gateway.acquisition.montage import HeadbandInfo
from gateway.acquisition.packets import Block, SamplePacket, Tick
from gateway.acquisition.tally import Tally
from gateway.errors import ConfigError
from gateway.outputs import Output, SignalBegins
from gateway.preprocessing.band import EPOCH_S
from gateway.preprocessing.derivation import Montager, resolve
from gateway.preprocessing.epoch import Epoch, EpochCutter
from gateway.staging.asleep import Asleep
from gateway.staging.events import Happening, SleepEvent, SleepEvents
from gateway.staging.gate import Judge, nothing_to_score, offers_eeg
from gateway.staging.hypnogram import Hypnogram
from gateway.staging.lights import Lights
from gateway.staging.score import ScoredEpoch, Scorer
from gateway.staging.sleep_statistics import summarise


class Night:
    """From sample packets to a hypnogram.

    Parameters
    ----------
    scorer : Scorer
    channels : mapping of str to str
        Derivation of each of the model's inputs, as in the configuration.
    mains_hz : float
        Removed where the model's band would let it through.
    derivations : mapping of str to tuple of str
        What the driver makes of its electrodes for inputs not in `channels`.

    Attributes
    ----------
    lights : Lights
        As marked so far.
    """

    def __init__(
        self,
        scorer: Scorer,
        channels: Mapping[str, str],
        mains_hz: float,
        derivations: Mapping[str, tuple[str, ...]] = MappingProxyType({}),
    ) -> None:
        self._scorer = scorer
        self._channels, self._derivations = channels, derivations
        self._mains_hz = mains_hz
        self._band = replace(scorer.card.band, notch_hz=mains_hz)
        self._assembler: Assembler | None = None
        self._cutter: EpochCutter | None = None
        self._info: HeadbandInfo | None = None
        self._made_of: dict[str, tuple[str, ...]] = {}
        self._told = False
        self._tick: Tick | None = None
        self._judge = Judge(scorer)
        self._asleep = Asleep()
        self._hypnogram = Hypnogram()
        self._events = SleepEvents()
        self.lights = Lights()

    def begin(self, info: HeadbandInfo, grid: Grid | None = None) -> None:
        """Start a connection.

        Parameters
        ----------
        info : HeadbandInfo
        grid : Grid or None
            Of a recording that knows where its seconds begin; the first counts.

        Raises
        ------
        ConfigError
            If the headband cannot give the derivations asked for, or no EEG among them.
        LinkError
            If it records something else than when the session began.
        """
        if self._assembler is None:
            card = self._scorer.card
            montager = resolve(
                card.channels, self._channels, info.montage, self._derivations
            )
            if not offers_eeg(montager):
                raise ConfigError([nothing_to_score(info.montage, card.channels)])
            self._info, self._made_of = info, _texts(montager)
            self._assembler = Assembler(info.montage, grid)
            self._cutter = EpochCutter(
                info.montage, montager, self._band, self._assembler.first_sample
            )
        self._assembler.link_up(info)

    def skip_to(self, second: int) -> None:
        """Say that the session began `second` seconds before the first sample.

        For a recording that lacks its beginning, between `begin` and the first packet.
        """
        if self._assembler is None:
            raise RuntimeError("skip_to() before the first begin()")
        for _ in self._assembler.lapse(second, 0.0):
            raise RuntimeError("skip_to() after a packet")

    def tick(self, tick: Tick) -> None:
        """Learn what time it is; at least once before the first packet."""
        self._tick = tick

    def place(self, packet: SamplePacket) -> Iterator[Output]:
        """Yield the blocks, scored epochs and tallies that `packet` completes."""
        if self._assembler is None or self._cutter is None:
            raise RuntimeError("a packet before the first begin()")
        yield from self._laid(
            self._assembler.push(packet), self._assembler, self._cutter
        )

    def lapse(self, t: float) -> Iterator[Output]:
        """Yield the epochs that ended `LAG_S` before `t`, monotonic seconds.

        For a link that is down: what did not come by then is lost, and late should
        it come. Epochs of a replay, whose seconds are others, wait for the link.
        """
        if self._assembler is None or self._cutter is None:
            return
        if (now := self._assembler.second_at(t)) is None:
            return
        over = floor(now - LAG_S) // EPOCH_S * EPOCH_S
        yield from self._laid(
            self._assembler.lapse(over, t), self._assembler, self._cutter
        )
        yield from self._scored(self._cutter.lapse(over, t), self._assembler)

    def mark(self, t: float, text: str) -> SleepEvent:
        """Note that something happened at monotonic time `t`."""
        one_line = "".join(c if c.isprintable() else " " for c in text)
        return replace(self._moment(Happening.MARKER, t), text=one_line)

    def switch_lights(self, t: float, *, off: bool) -> SleepEvent:
        """Note that the lights went off or on at monotonic time `t`."""
        event = self._moment(Happening.LIGHTS_OFF if off else Happening.LIGHTS_ON, t)
        epoch = round((event.second or 0.0) / EPOCH_S)
        stages = self._hypnogram.stages
        self.lights = self.lights.marked(epoch, event.utc, stages, off=off)
        return event

    @property
    def tally(self) -> Tally:
        """What was received and lost so far."""
        return Tally() if self._assembler is None else self._assembler.tally()

    @property
    def n_epochs(self) -> int:
        """Epochs so far."""
        return len(self._hypnogram)

    def close(self) -> Iterator[Output]:
        """Yield what is only known at the end: the last moments, the statistics."""
        yield from self._events.close()
        stages = self._hypnogram.stages
        yield summarise(stages, self.lights.in_bed(stages))

    def _moment(self, what: Happening, t: float) -> SleepEvent:
        if self._tick is None:
            raise RuntimeError("a mark before the first tick()")
        if self._assembler is None:
            return SleepEvent(
                what, self._tick.utc + timedelta(seconds=t - self._tick.t)
            )
        second, utc = self._assembler.moment(t, self._tick)
        epoch = None if second is None else floor(second / EPOCH_S)
        return SleepEvent(what, utc, epoch, second=second)

    def _laid(
        self, blocks: Iterator[Block], assembler: Assembler, cutter: EpochCutter
    ) -> Iterator[Output]:
        for block in blocks:
            if not self._told and self._info is not None and self._tick is not None:
                self._told = True
                yield SignalBegins(
                    info=self._info,
                    start_utc=assembler.utc_of(0, self._tick),
                    synchronised=self._tick.synchronised,
                    derivations=self._made_of,
                    mains_hz=self._mains_hz,
                )
            yield block
            yield from self._scored(cutter.push(block), assembler)

    def _scored(
        self, epochs: Iterator[Epoch], assembler: Assembler
    ) -> Iterator[Output]:
        for epoch in epochs:
            scored = self._score(epoch, assembler)
            self._hypnogram.add(scored)
            yield scored
            yield from self._events.push(scored)
            yield self.tally

    def _score(self, epoch: Epoch, assembler: Assembler) -> ScoredEpoch:
        if self._tick is None:
            raise RuntimeError("an epoch before the first tick()")
        verdict = self._judge.push(epoch)
        start_utc = assembler.utc_of(epoch.index * EPOCH_S, self._tick)
        return ScoredEpoch(
            index=epoch.index,
            start_utc=start_utc,
            stage=verdict.stage,
            hypnodensity=verdict.hypnodensity,
            quality=epoch.quality,
            asleep=self._asleep.push(verdict.stage),
            t_rx=epoch.t_rx,
            span=tuple(
                range(
                    assembler.first_sample(at, epoch.index * EPOCH_S),
                    assembler.first_sample(at, (epoch.index + 1) * EPOCH_S),
                )
                for at in range(assembler.n_streams)
            ),
            raw_hypnodensity=verdict.raw,
        )


def _texts(montager: Montager) -> dict[str, tuple[str, ...]]:
    return {
        label: tuple(placed.text for placed in alternatives)
        for label, alternatives in zip(
            montager.labels, montager.alternatives, strict=True
        )
    }
