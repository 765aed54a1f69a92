"""Pipeline of one headband and one night: inputs in, outputs out. Pure.

The daemon, the off-line scorer, the simulator's tests and the bench all drive the
same objects: `Night` from sample packets on, `Pipeline` with a driver before it.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import assert_never

from gateway.acquisition.checkpoint import GridCheckpoint
from gateway.acquisition.loss_counts import LossCounts
from gateway.acquisition.montage import HeadbandInfo, Montage
from gateway.acquisition.packets import (
    Battery,
    ClockTick,
    Input,
    LinkDown,
    LinkUp,
    Motion,
    Notification,
    SampleBlock,
    SamplePacket,
    Unread,
)
from gateway.acquisition.wall_clock import WallClock
from gateway.drivers import Driver
from gateway.epoch_length import EPOCH_S
from gateway.errors import LinkError
from gateway.messages.outputs import (
    Availability,
    NightEpochs,
    Output,
    RecordingState,
    SessionState,
    SignalBegins,
)
from gateway.preprocessing.contact_monitor import ContactMonitor, ContactSampler
from gateway.session.decoding import PacketDecoder
from gateway.session.night import Night
from gateway.session.resume import InterruptedSession
from gateway.staging.events import MARK, EventKind
from gateway.staging.scored_epoch import ScoredEpoch
from gateway.staging.stage import Stage

__all__ = ["Night", "Pipeline"]

LOOK_S = 5.0  # between two looks at the electrodes


class Pipeline:
    """Pipeline from a headband's notifications to outputs.

    Parameters
    ----------
    driver : Driver
    night : Night
    watch : callable or None
        Makes the contact monitor of a montage; None: electrodes are not monitored.

    Attributes
    ----------
    packet_decoder : PacketDecoder
    info : HeadbandInfo or None
        As the headband described itself last.
    t_scored : float or None
        When an epoch was scored last, or else the first sample came; monotonic
        seconds. None before.
    """

    def __init__(
        self,
        driver: Driver,
        night: Night,
        watch: Callable[[Montage], ContactMonitor] | None = None,
    ) -> None:
        self._driver = driver
        self._night = night
        self._contact_sampler = ContactSampler(watch, LOOK_S)
        self._clock = WallClock()
        self._state = SessionState(RecordingState.IDLE)
        self.packet_decoder = PacketDecoder(driver)
        self.info: HeadbandInfo | None = None
        self.t_scored: float | None = None

    def push_input(self, value: Input) -> Iterator[Output]:
        """Yield everything that follows from `value`."""
        match value:
            case Notification():
                yield from self._received(value)
            case ClockTick():
                yield from self._ticked(value)
            case LinkUp(t, info):
                self.packet_decoder.begin(t)
                yield from self._connected(info)
            case LinkDown(_, reason):
                self.packet_decoder.end()
                yield self.loss_counts
                yield Availability(online=False, reason=reason)
            case _:
                assert_never(value)

    def resume(
        self, interrupted: InterruptedSession, now: ClockTick
    ) -> tuple[Output, ...]:
        """Resume a session where it was left; before any input.

        Returns its first outputs. `interrupted` must go by the monotonic clock
        of `now` (`InterruptedSession.by_clock_of`).

        Raises
        ------
        ConfigError
            If that headband cannot give the derivations configured now.
        """
        self._night.resume(interrupted)
        self._clock = WallClock(interrupted.last.tick)
        self._night.tick(now)
        self.info = interrupted.info
        self.packet_decoder.bad = interrupted.grid.counts.bad_packets
        self.packet_decoder.unread = interrupted.grid.counts.unread_packets
        self.t_scored = interrupted.grid.t
        for scored in interrupted.epochs:
            if isinstance(scored.stage, Stage):
                ago_s = EPOCH_S * (len(interrupted.epochs) - 1 - scored.index)
                self.t_scored = interrupted.grid.t - ago_s
        self._state = replace(interrupted.state, resumed=interrupted.state.resumed + 1)
        return (
            NightEpochs(interrupted.epochs, final=False),
            self.session,
            self._night.moment(EventKind.SESSION_RESUMED, now.t),
            self.loss_counts,
        )

    def mark(self, t: float, text: str, what: EventKind = MARK) -> Iterator[Output]:
        """Yield the event `what` at monotonic time `t`."""
        yield self._night.scoring_state.mark(self._night.moment(what, t), text)

    def switch_lights(self, t: float, *, off: bool) -> Iterator[Output]:
        """Yield the lights-off or lights-on marker at monotonic time `t`."""
        what = EventKind.LIGHTS_OFF if off else EventKind.LIGHTS_ON
        yield self._night.scoring_state.switch_lights(
            self._night.moment(what, t), off=off
        )
        yield self.session

    def close(self) -> Iterator[Output]:
        """Yield the last counts, the night's epochs and summary, and its end."""
        yield self.loss_counts
        yield from self._night.close()
        if self._state.state is RecordingState.RECORDING:
            now = self._clock.tick
            self._state = replace(
                self._state, state=RecordingState.ENDED, ended_utc=now and now.utc
            )
            yield self.session

    @property
    def session(self) -> SessionState:
        """State of the session, for publication."""
        tick = self._clock.tick
        return replace(
            self._state,
            n_epochs=self._night.n_epochs,
            lights=self._night.scoring_state.lights,
            clock_synchronised=tick is None or tick.synchronised,
        )

    @property
    def loss_counts(self) -> LossCounts:
        """Packets and seconds received and lost so far."""
        counts = self._night.loss_counts
        return replace(
            counts,
            bad_packets=counts.bad_packets + self.packet_decoder.bad,
            unread_packets=self.packet_decoder.unread,
        )

    def checkpoint(self) -> GridCheckpoint | None:
        """Return the checkpoint after the last epoch, as `Night.checkpoint` does."""
        return self._night.checkpoint(self.loss_counts)

    def _ticked(self, tick: ClockTick) -> Iterator[Output]:
        was = self._clock.tick
        step_s = self._clock.read(tick)
        self._night.tick(tick)
        if step_s:
            self._state = self._state.shifted(timedelta(seconds=step_s))
            moment = self._night.moment(EventKind.CLOCK_STEP, tick.t)
            event = self._night.scoring_state.set_clock(moment, step_s)
            if self._state.state is RecordingState.RECORDING:
                yield event
        if step_s or (was is not None and was.synchronised is not tick.synchronised):
            yield self.session
        if not self.packet_decoder.streaming:
            yield from self._completed(self._night.lapse(tick.t))

    def _connected(self, info: HeadbandInfo) -> Iterator[Output]:
        try:
            self._night.begin(info)
        except LinkError as error:
            self.packet_decoder.refused = str(error)
            yield Availability(online=False, reason=str(error))
        else:
            self.info = info.plain()
            self.packet_decoder.expect(info)
            self._contact_sampler.begin(info.montage)

    def _received(self, notification: Notification) -> Iterator[Output]:
        for value in self.packet_decoder.decode(notification):
            match value:
                case SamplePacket():
                    if not self.packet_decoder.streaming:
                        self.packet_decoder.streaming = True
                        yield from self._samples_arrive(value.t_rx)
                    yield from self._with_contacts(
                        self._completed(self._night.push_packet(value))
                    )
                case Battery():
                    yield value
                case Motion() | Unread():
                    pass  # no output wants it yet; counted
                case _:
                    assert_never(value)

    def _samples_arrive(self, t: float) -> Iterator[Output]:
        yield Availability(online=True, reason="samples arrive")
        if self._state.state is RecordingState.IDLE:
            now = self._clock.tick
            self.t_scored = t
            began = now and now.utc + timedelta(seconds=t - now.t)
            self._state = SessionState(RecordingState.RECORDING, began)
            yield self.session

    def _completed(self, outputs: Iterator[Output]) -> Iterator[Output]:
        """Add what `Night` does not know: the driver, the decoder's counts."""
        for output in outputs:
            match output:
                case LossCounts():
                    yield self.loss_counts
                case SignalBegins():
                    yield replace(output, driver=self._driver.name)
                case ScoredEpoch(stage=Stage()):
                    self.t_scored = output.t_rx
                    yield output
                case _:
                    yield output

    def _with_contacts(self, outputs: Iterator[Output]) -> Iterator[Output]:
        """Add electrode contacts, every `LOOK_S` of this machine's time."""
        for output in outputs:
            yield output
            if (
                isinstance(output, SampleBlock)
                and (now := self._clock.tick) is not None
            ):
                contacts = self._contact_sampler.sample(output, now.t)
                if contacts is not None:
                    yield contacts
