"""Standby: detection of a worn headband while no session runs. Pure."""

from collections import deque
from collections.abc import Callable, Iterator
from typing import assert_never

from gateway.acquisition.assembler import Assembler
from gateway.acquisition.montage import HeadbandInfo, Modality, Montage
from gateway.acquisition.packets import (
    Battery,
    ClockTick,
    Input,
    LinkDown,
    LinkUp,
    Notification,
    SampleBlock,
    SamplePacket,
)
from gateway.drivers import Driver
from gateway.messages.outputs import Availability, Output
from gateway.preprocessing.contact_monitor import WINDOW_S, ContactMonitor
from gateway.preprocessing.contact_state import ContactState
from gateway.preprocessing.headband_fit import Contacts
from gateway.session.decoding import PacketDecoder

LOOK_EVERY = 3  # seconds of signal
HELD = 8192  # notifications: more than any headband sends in `WINDOW_S`


class Standby:
    """Detects a worn headband, and holds its last seconds for the next session.

    A headband is on a head when one of its EEG electrodes is not off, by the last
    four seconds. One electrode is enough, because to miss a night is worse than to
    begin one in vain. Where the sampling is too slow to decide, it counts as on.

    Parameters
    ----------
    driver : Driver
    watch : callable
        Makes the contact monitor of a montage.

    Attributes
    ----------
    packet_decoder : PacketDecoder
    on_head : bool
        Whether it was at the last look over this connection.
    """

    def __init__(
        self, driver: Driver, watch: Callable[[Montage], ContactMonitor]
    ) -> None:
        self._make_monitor = watch
        self._monitor: ContactMonitor | None = None
        self._assembler: Assembler | None = None
        self._eeg: frozenset[str] = frozenset()
        self._seconds = 0
        self._held: deque[tuple[int, Notification]] = deque(maxlen=HELD)
        self.packet_decoder = PacketDecoder(driver)
        self.on_head = False

    def push_input(self, value: Input) -> Iterator[Output]:
        """Yield the outputs of a headband that do not depend on a session."""
        match value:
            case Notification():
                yield from self._received(value)
            case LinkUp(t, info):
                self.packet_decoder.begin(t)
                self.packet_decoder.expect(info)
                self._begin(info)
            case LinkDown(_, reason):
                self.packet_decoder.end()
                self.on_head = False
                self._held.clear()
                yield Availability(online=False, reason=reason)
            case ClockTick():
                pass
            case _:
                assert_never(value)

    @property
    def held(self) -> tuple[Notification, ...]:
        """The notifications of the seconds that were looked at, and since."""
        return tuple(notification for _, notification in self._held)

    def _begin(self, info: HeadbandInfo) -> None:
        self._assembler = Assembler(info.montage)
        self._assembler.link_up(info)
        self._monitor = self._make_monitor(info.montage)
        self._eeg = frozenset(
            channel.label
            for stream in info.montage.streams
            for channel in stream.channels
            if channel.modality is Modality.EEG
        )
        self._seconds = 0
        self._held.clear()
        self.on_head = False

    def _received(self, notification: Notification) -> Iterator[Output]:
        self._held.append((self._seconds, notification))
        for value in self.packet_decoder.decode(notification):
            if isinstance(value, SamplePacket) and self._assembler is not None:
                if not self.packet_decoder.streaming:
                    self.packet_decoder.streaming = True
                    yield Availability(online=True, reason="samples arrive")
                for block in self._assembler.push_packet(value):
                    yield from self._look(block)
            elif isinstance(value, Battery):
                yield value

    def _look(self, block: SampleBlock) -> Iterator[Output]:
        """Yield electrode contacts now and then: somebody may be putting it on."""
        if self._monitor is None:
            return
        self._monitor.push_block(block)
        self._seconds += 1
        since = self._seconds - WINDOW_S
        if since < 0 or since % LOOK_EVERY:
            return
        contacts = self._monitor.judge()
        self.on_head = self._is_on_head(contacts)
        while len(self._held) > 1 and self._held[0][0] < since:
            self._held.popleft()
        yield contacts

    def _is_on_head(self, contacts: Contacts) -> bool:
        return any(
            electrode.contact is None or electrode.contact.state is not ContactState.OFF
            for electrode in contacts.electrodes
            if electrode.label in self._eeg
        )
