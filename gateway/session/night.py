"""Night: sample packets of one headband in, a hypnogram out. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from math import floor
from types import MappingProxyType

from gateway.acquisition.assembler import Assembler
from gateway.acquisition.checkpoint import GridCheckpoint
from gateway.acquisition.loss_counts import LossCounts
from gateway.acquisition.montage import HeadbandInfo, Montage
from gateway.acquisition.packets import ClockTick, SampleBlock, SamplePacket
from gateway.acquisition.sample_grid import LAG_S, SampleGrid
from gateway.epoch_length import EPOCH_S
from gateway.messages.outputs import NightEpochs, Output, SignalBegins
from gateway.preprocessing.epoching import Epoch, EpochCutter
from gateway.session.resume import InterruptedSession
from gateway.staging.epoch_scoring import EpochScorer, scorable
from gateway.staging.events import EventKind, SleepEvent
from gateway.staging.scored_epoch import ScoredEpoch, Scorer
from gateway.staging.scoring_state import ScoringState


class Night:
    """Scores one night, from sample packets to a hypnogram.

    Parameters
    ----------
    scorer : Scorer
    channels : mapping of str to str
        Derivation of each of the model's inputs, as in the configuration.
    mains_hz : float
        Removed where the model's band would let it through.
    derivations : mapping of str to tuple of str
        The driver's derivations for inputs not in `channels`.

    Attributes
    ----------
    scoring_state : ScoringState
        Of the sleeper so far.
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
        self._derivations_used: dict[str, tuple[str, ...]] = {}
        self._signal_announced = False
        self._tick: ClockTick | None = None
        self._epoch_scorer = EpochScorer(scorer)
        self.scoring_state = ScoringState()

    def begin(self, info: HeadbandInfo, grid: SampleGrid | None = None) -> None:
        """Start a connection.

        Parameters
        ----------
        info : HeadbandInfo
        grid : SampleGrid or None
            Of a recording that knows where its seconds begin; the first counts.

        Raises
        ------
        ConfigError
            If the headband cannot give the derivations asked for, or no EEG among them.
        LinkError
            If it records something else than when the session began.
        """
        if self._assembler is None:
            self._assembler = self._new_assembler(info.montage, grid)
        self._assembler.link_up(info)
        self._info = info

    def resume(self, interrupted: InterruptedSession) -> None:
        """Resume a session where it was left; before the first `begin`.

        Raises
        ------
        ConfigError
            If that headband cannot give the derivations configured now.
        """
        self._assembler = self._new_assembler(
            interrupted.info.montage, first_epoch=len(interrupted.epochs)
        )
        self._assembler.resume(interrupted.info, interrupted.grid)
        self._info = interrupted.info
        self.scoring_state.restore(interrupted.epochs, interrupted.state.lights)
        for scored in interrupted.epochs:
            self._epoch_scorer.remember(scored.index, scored.raw_hypnodensity)

    def checkpoint(self, loss_counts: LossCounts) -> GridCheckpoint | None:
        """Return the checkpoint after the last epoch.

        None before the first packet of the stream that tells the time. To be called
        as soon as the epoch is yielded.
        """
        if self._assembler is None or not self._assembler.clock.started:
            return None
        return self._assembler.checkpoint(self.n_epochs * EPOCH_S, loss_counts)

    def skip_to(self, second: int) -> None:
        """Let the session begin `second` seconds before the first sample.

        For a recording that lacks its beginning, between `begin` and the first packet.
        """
        if self._assembler is None:
            raise RuntimeError("skip_to() before the first begin()")
        for _ in self._assembler.lapse(second, 0.0):
            raise RuntimeError("skip_to() after a packet")

    def tick(self, tick: ClockTick) -> None:
        """Set the wall clock; at least once before the first packet."""
        self._tick = tick

    def push_packet(self, packet: SamplePacket) -> Iterator[Output]:
        """Yield the blocks, scored epochs and loss counts that `packet` completes."""
        if self._assembler is None or self._cutter is None:
            raise RuntimeError("a packet before the first begin()")
        blocks = self._assembler.push_packet(packet)
        yield from self._blocks_and_epochs(blocks, self._assembler, self._cutter)

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
        blocks = self._assembler.lapse(over, t)
        yield from self._blocks_and_epochs(blocks, self._assembler, self._cutter)
        yield from self._scored(self._cutter.lapse(over, t), self._assembler)

    @property
    def inputs(self) -> tuple[str, ...]:
        """The inputs of the model, in its order."""
        return self._scorer.card.channels

    @property
    def loss_counts(self) -> LossCounts:
        """Packets and seconds received and lost so far."""
        return (
            LossCounts() if self._assembler is None else self._assembler.loss_counts()
        )

    @property
    def n_epochs(self) -> int:
        """Epochs so far."""
        return len(self.scoring_state.epochs)

    def close(self) -> Iterator[Output]:
        """Yield what is only known at the end: the last events, the statistics."""
        for event in self.scoring_state.final_events():
            yield self._dated(event)
        yield NightEpochs(tuple(self.scoring_state.epochs), final=True)
        yield self.scoring_state.summary()

    def moment(self, what: EventKind, t: float) -> SleepEvent:
        """Return the event `what` at monotonic time `t`."""
        if self._tick is None:
            raise RuntimeError("a mark before the first tick()")
        if self._assembler is None:
            return SleepEvent(
                what, self._tick.utc + timedelta(seconds=t - self._tick.t)
            )
        second, utc = self._assembler.moment(t, self._tick)
        epoch = None if second is None else floor(second / EPOCH_S)
        return SleepEvent(what, utc, epoch, second=second)

    def _blocks_and_epochs(
        self, blocks: Iterator[SampleBlock], assembler: Assembler, cutter: EpochCutter
    ) -> Iterator[Output]:
        for block in blocks:
            if (
                not self._signal_announced
                and self._info is not None
                and self._tick is not None
            ):
                self._signal_announced = True
                yield SignalBegins(
                    info=self._info,
                    start_utc=assembler.utc_of(0, self._tick),
                    synchronised=self._tick.synchronised,
                    derivations=self._derivations_used,
                    mains_hz=self._mains_hz,
                )
            yield block
            yield from self._scored(cutter.push_block(block), assembler)

    def _scored(
        self, epochs: Iterator[Epoch], assembler: Assembler
    ) -> Iterator[Output]:
        for epoch in epochs:
            scored = self._score(epoch, assembler)
            events = list(self.scoring_state.add(scored))
            yield scored
            yield from events
            yield self.loss_counts

    def _score(self, epoch: Epoch, assembler: Assembler) -> ScoredEpoch:
        if self._tick is None:
            raise RuntimeError("an epoch before the first tick()")
        score = self._epoch_scorer.score_epoch(epoch)
        start_utc = assembler.utc_of(epoch.index * EPOCH_S, self._tick)
        return ScoredEpoch(
            index=epoch.index,
            start_utc=start_utc,
            stage=score.stage,
            hypnodensity=score.hypnodensity,
            quality=epoch.quality,
            asleep=self.scoring_state.asleep(score.stage),
            t_rx=epoch.t_rx,
            span=epoch.span,
            raw_hypnodensity=score.raw,
            clock_synchronised=self._tick.synchronised,
        )

    def _new_assembler(
        self, montage: Montage, grid: SampleGrid | None = None, first_epoch: int = 0
    ) -> Assembler:
        labels = self.inputs
        montager = scorable(labels, self._channels, montage, self._derivations)
        self._derivations_used = montager.texts()
        assembler = Assembler(montage, grid)
        self._cutter = EpochCutter(
            montage, montager, self._band, assembler.first_sample, first_epoch
        )
        return assembler

    def _dated(self, event: SleepEvent) -> SleepEvent:
        """Return an event of long ago with its time by the wall clock of now."""
        if self._assembler is None or self._tick is None or event.second is None:
            return event
        utc = self._assembler.utc_of(round(event.second), self._tick)
        return replace(event, utc=utc)
