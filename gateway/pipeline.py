"""The chain for one headband and one night: inputs in, outputs out. Pure.

The daemon, the off-line scorer, the simulator's tests and the bench all drive the
same objects: `Night` from sample packets on, `Pipeline` with a driver before it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from math import floor
from typing import assert_never

from gateway.acquisition.assemble import Assembler
from gateway.acquisition.lane import LAG_S
from gateway.acquisition.montage import HeadbandInfo
from gateway.acquisition.packets import (
    Battery,
    Decoded,
    Input,
    LinkDown,
    LinkUp,
    Motion,
    Notification,
    SamplePacket,
    Tick,
    Unread,
)
from gateway.acquisition.tally import Tally
from gateway.drivers import Decoder, Driver
from gateway.errors import ConfigError, DecodeError, LinkError
from gateway.outputs import Availability, Output
from gateway.preprocessing.band import EPOCH_S
from gateway.preprocessing.derivation import resolve
from gateway.preprocessing.epoch import Epoch, EpochCutter
from gateway.staging.asleep import Asleep
from gateway.staging.gate import nothing_to_score, offers_eeg, score_or_refuse
from gateway.staging.hypnogram import Hypnogram
from gateway.staging.score import ScoredEpoch, Scorer
from gateway.staging.sleep_statistics import NightSummary, summarise


class Night:
    """From sample packets to a hypnogram.

    Parameters
    ----------
    scorer : Scorer
    channels : mapping of str to str
        Derivation of each of the model's inputs, as in the configuration.
    mains_hz : float
        Removed where the model's band would let it through.
    """

    def __init__(
        self, scorer: Scorer, channels: Mapping[str, str], mains_hz: float
    ) -> None:
        self._scorer = scorer
        self._channels = channels
        self._band = replace(scorer.card.band, notch_hz=mains_hz)
        self._assembler: Assembler | None = None
        self._cutter: EpochCutter | None = None
        self._tick: Tick | None = None
        self._asleep = Asleep()
        self._hypnogram = Hypnogram()

    def begin(self, info: HeadbandInfo) -> None:
        """Start a connection.

        Raises
        ------
        ConfigError
            If the headband cannot give the derivations asked for, or no EEG among them.
        LinkError
            If it records something else than when the session began.
        """
        if self._assembler is None:
            card = self._scorer.card
            montager = resolve(card.channels, self._channels, info.montage)
            if not offers_eeg(montager):
                raise ConfigError([nothing_to_score(info.montage, card.channels)])
            self._assembler = Assembler(info.montage)
            self._cutter = EpochCutter(
                info.montage, montager, self._band, self._assembler.first_sample
            )
        self._assembler.link_up(info)

    def tick(self, tick: Tick) -> None:
        """Learn what time it is; at least once before the first packet."""
        self._tick = tick

    def place(self, packet: SamplePacket) -> Iterator[Output]:
        """Yield the blocks, scored epochs and tallies that `packet` completes."""
        if self._assembler is None or self._cutter is None:
            raise RuntimeError("a packet before the first begin()")
        for block in self._assembler.push(packet):
            yield block
            yield from self._scored(self._cutter.push(block), self._assembler)

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
        for block in self._assembler.lapse(over, t):
            yield block
            yield from self._scored(self._cutter.push(block), self._assembler)
        yield from self._scored(self._cutter.lapse(over, t), self._assembler)

    @property
    def tally(self) -> Tally:
        """What was received and lost so far."""
        return Tally() if self._assembler is None else self._assembler.tally()

    def summary(self) -> NightSummary:
        """Return the statistics of the night so far."""
        return summarise(self._hypnogram.stages)

    def _scored(
        self, epochs: Iterator[Epoch], assembler: Assembler
    ) -> Iterator[Output]:
        for epoch in epochs:
            scored = self._score(epoch, assembler)
            self._hypnogram.add(scored)
            yield scored
            yield self.tally

    def _score(self, epoch: Epoch, assembler: Assembler) -> ScoredEpoch:
        if self._tick is None:
            raise RuntimeError("an epoch before the first tick()")
        stage, hypnodensity = score_or_refuse(epoch, self._scorer)
        start_utc = assembler.utc_of(epoch.index * EPOCH_S, self._tick)
        return ScoredEpoch(
            index=epoch.index,
            start_utc=start_utc,
            stage=stage,
            hypnodensity=hypnodensity,
            quality=epoch.quality,
            asleep=self._asleep.push(stage),
            t_rx=epoch.t_rx,
        )


class Pipeline:
    """From a headband's notifications to outputs.

    Parameters
    ----------
    driver : Driver
    night : Night

    Attributes
    ----------
    bad_in_a_row : int
        Notifications of this connection since the last that was a packet.
    t_sampled : float
        When samples came last, or else the connection began; monotonic seconds.
    """

    def __init__(self, driver: Driver, night: Night) -> None:
        self._driver = driver
        self._night = night
        self._decoder: Decoder | None = None
        self._streaming = False
        self.t_sampled = 0.0
        self.bad_in_a_row = self._bad_packets = self._unread_packets = 0

    def push(self, value: Input) -> Iterator[Output]:
        """Yield everything that follows from `value`."""
        match value:
            case Notification():
                yield from self._received(value)
            case Tick(t):
                self._night.tick(value)
                if not self._streaming:
                    yield from self._with_bad(self._night.lapse(t))
            case LinkUp(t, info):
                self.t_sampled = t
                yield from self._connected(info)
            case LinkDown(_, reason):
                self._streaming = False
                yield self.tally
                yield Availability(online=False, reason=reason)
            case _:
                assert_never(value)

    def close(self) -> Iterator[Output]:
        """Yield the last counts and the night's summary."""
        yield self.tally
        yield self._night.summary()

    @property
    def tally(self) -> Tally:
        """What was received and lost so far."""
        tally = self._night.tally
        return replace(
            tally,
            bad_packets=tally.bad_packets + self._bad_packets,
            unread_packets=self._unread_packets,
        )

    def _connected(self, info: HeadbandInfo) -> Iterator[Output]:
        self._decoder = None
        self.bad_in_a_row = 0
        try:
            self._night.begin(info)
        except LinkError as error:
            yield Availability(online=False, reason=str(error))
        else:
            self._decoder = self._driver.decoder(info)

    def _received(self, notification: Notification) -> Iterator[Output]:
        for value in self._decoded(notification):
            match value:
                case SamplePacket():
                    self.t_sampled = value.t_rx
                    if not self._streaming:
                        self._streaming = True
                        yield Availability(online=True, reason="samples arrive")
                    yield from self._with_bad(self._night.place(value))
                case Battery():
                    yield value
                case Motion():
                    pass  # no output wants it yet
                case Unread():
                    self._unread_packets += 1
                case _:
                    assert_never(value)

    def _with_bad(self, outputs: Iterator[Output]) -> Iterator[Output]:
        for output in outputs:
            yield self.tally if isinstance(output, Tally) else output

    def _decoded(self, notification: Notification) -> list[Decoded]:
        """Return what a notification holds; nothing, and count it, if it is bad."""
        if self._decoder is not None:  # else not the one that the session began with
            try:
                decoded = list(self._decoder.feed(notification))
            except DecodeError:
                pass
            else:
                self.bad_in_a_row = 0
                return decoded
        self._bad_packets += 1
        self.bad_in_a_row += 1
        return []
