"""From a headband's notifications to what they hold, and whether it is any good. Pure.

A session takes in what it scores, and between sessions a standby what it watches.
"""

from gateway.acquisition.montage import HeadbandInfo
from gateway.acquisition.packets import Decoded, Notification, SamplePacket, Unread
from gateway.drivers import Decoder, Driver
from gateway.errors import DecodeError


class PacketDecoder:
    """Decodes one headband's connections, one after the other.

    Parameters
    ----------
    driver : Driver

    Attributes
    ----------
    streaming : bool
        Whether samples came over this connection.
    t_sampled : float
        When samples came last, or else the connection began; monotonic seconds.
    bad_in_a_row : int
        Notifications of this connection since the last that was a packet.
    bad, unread : int
        Notifications that were no packet, and such of which a part is unknown.
    """

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._decoder: Decoder | None = None
        self.streaming = False
        self.t_sampled = 0.0
        self.bad_in_a_row = self.bad = self.unread = 0

    def begin(self, t: float) -> None:
        """Begin a connection at monotonic time `t`; what it sends is bad so far."""
        self.t_sampled = t
        self.bad_in_a_row = 0
        self._decoder = None

    def expect(self, info: HeadbandInfo) -> None:
        """Decode from now on what a headband sends that says `info` of itself."""
        self._decoder = self._driver.decoder(info)

    def end(self) -> None:
        """End the connection."""
        self.streaming = False

    def take(self, notification: Notification) -> list[Decoded]:
        """Return what a notification holds; nothing, and count it, if it is bad."""
        if self._decoder is not None:  # else not the one that the session began with
            try:
                decoded = list(self._decoder.feed(notification))
            except DecodeError:
                pass
            else:
                self.bad_in_a_row = 0
                return [self._counted(value) for value in decoded]
        self.bad += 1
        self.bad_in_a_row += 1
        return []

    def _counted(self, value: Decoded) -> Decoded:
        if isinstance(value, SamplePacket):
            self.t_sampled = value.t_rx
        elif isinstance(value, Unread):
            self.unread += 1
        return value
