"""The chain for one headband and one night: inputs in, outputs out. Pure.

The daemon, the off-line scorer, the simulator's tests and the bench all drive the
same objects: `Night` from sample packets on, `Pipeline` with a driver before it.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import assert_never

from gateway.acquisition.montage import HeadbandInfo, Montage
from gateway.acquisition.packets import (
    Battery,
    Block,
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
from gateway.errors import DecodeError, LinkError
from gateway.night import Night
from gateway.outputs import Availability, Output, Recording, SessionState, SignalBegins
from gateway.preprocessing.contact_watch import ContactWatch

__all__ = ["Night", "Pipeline"]

LOOK_S = 5.0  # between two looks at the electrodes
NEVER = float("-inf")


class Pipeline:
    """From a headband's notifications to outputs.

    Parameters
    ----------
    driver : Driver
    night : Night
    watch : callable or None
        Makes what judges the electrodes of a montage; None: nobody looks at them.

    Attributes
    ----------
    bad_in_a_row : int
        Notifications of this connection since the last that was a packet.
    t_sampled : float
        When samples came last, or else the connection began; monotonic seconds.
    """

    def __init__(
        self,
        driver: Driver,
        night: Night,
        watch: Callable[[Montage], ContactWatch] | None = None,
    ) -> None:
        self._driver = driver
        self._night = night
        self._make_watch = watch
        self._watch: ContactWatch | None = None
        self._t_looked = NEVER
        self._decoder: Decoder | None = None
        self._streaming = False
        self._now: Tick | None = None
        self._began: Tick | None = None
        self.t_sampled = 0.0
        self.bad_in_a_row = self._bad_packets = self._unread_packets = 0

    def push(self, value: Input) -> Iterator[Output]:
        """Yield everything that follows from `value`."""
        match value:
            case Notification():
                yield from self._received(value)
            case Tick(t):
                self._now = value
                self._night.tick(value)
                if not self._streaming:
                    yield from self._completed(self._night.lapse(t))
            case LinkUp(t, info):
                self.t_sampled = t
                yield from self._connected(info)
            case LinkDown(_, reason):
                self._streaming = False
                yield self.tally
                yield Availability(online=False, reason=reason)
            case _:
                assert_never(value)

    def mark(self, t: float, text: str) -> Iterator[Output]:
        """Yield that something happened at monotonic time `t`."""
        yield self._night.mark(t, text)

    def switch_lights(self, t: float, *, off: bool) -> Iterator[Output]:
        """Yield that the lights went off or on at monotonic time `t`."""
        yield self._night.switch_lights(t, off=off)
        yield self._session(Recording.RECORDING if self._began else Recording.IDLE)

    def close(self) -> Iterator[Output]:
        """Yield the last counts, what the night comes to, and its end."""
        yield self.tally
        yield from self._night.close()
        if self._began is not None:
            yield self._session(Recording.ENDED)

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
            if self._make_watch is not None:
                self._watch = self._make_watch(info.montage)

    def _received(self, notification: Notification) -> Iterator[Output]:
        for value in self._decoded(notification):
            match value:
                case SamplePacket():
                    self.t_sampled = value.t_rx
                    if not self._streaming:
                        self._streaming = True
                        yield from self._samples_arrive()
                    yield from self._seen(self._completed(self._night.place(value)))
                case Battery():
                    yield value
                case Motion():
                    pass  # no output wants it yet
                case Unread():
                    self._unread_packets += 1
                case _:
                    assert_never(value)

    def _samples_arrive(self) -> Iterator[Output]:
        yield Availability(online=True, reason="samples arrive")
        if self._began is None:
            self._began = self._now
            yield self._session(Recording.RECORDING)

    def _session(self, state: Recording) -> SessionState:
        began, now = self._began, self._now
        return SessionState(
            state=state,
            started_utc=began and began.utc,
            ended_utc=now and now.utc if state is Recording.ENDED else None,
            n_epochs=self._night.n_epochs,
            lights=self._night.lights,
        )

    def _completed(self, outputs: Iterator[Output]) -> Iterator[Output]:
        """Add what the night does not know."""
        for output in outputs:
            match output:
                case Tally():
                    yield self.tally
                case SignalBegins():
                    yield replace(output, driver=self._driver.name)
                case _:
                    yield output

    def _seen(self, outputs: Iterator[Output]) -> Iterator[Output]:
        """Have the electrodes looked at, now and then as time passes here."""
        for output in outputs:
            yield output
            if not isinstance(output, Block) or self._watch is None:
                continue
            self._watch.push(output)
            if self._now is not None and self._now.t - self._t_looked >= LOOK_S:
                self._t_looked = self._now.t
                yield self._watch.judge()

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
