"""Decoding of notifications, with counts of bad ones. Pure.

Used by a session, and between sessions by its standby.
"""

from gateway.acquisition.montage import HeadbandInfo
from gateway.acquisition.packets import Decoded, Notification, SamplePacket, Unread
from gateway.drivers import Decoder, Driver
from gateway.errors import DecodeError


class PacketDecoder:
    """Decodes the notifications of one headband, connection by connection.

    Parameters
    ----------
    driver : Driver

    Attributes
    ----------
    streaming : bool
        Whether samples arrived over this connection.
    t_sampled : float
        Arrival of the last samples, or else begin of the connection; monotonic s.
    bad_in_a_row : int
        Notifications of this connection since the last that was decoded.
    bad, unread : int
        Notifications that could not be decoded, and such with an unknown part.
    refused : str
        Why the session does not take this connection; empty if it does.
    """

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._decoder: Decoder | None = None
        self.streaming = False
        self.t_sampled = 0.0
        self.bad_in_a_row = self.bad = self.unread = 0
        self.refused = ""

    def begin(self, t: float) -> None:
        """Begin a connection at monotonic time `t`; all is bad until `expect`."""
        self.t_sampled = t
        self.bad_in_a_row = 0
        self.refused = ""
        self._decoder = None

    def expect(self, info: HeadbandInfo) -> None:
        """Decode from now on as a headband that describes itself as `info` sends."""
        self._decoder = self._driver.decoder(info)

    def end(self) -> None:
        """End the connection."""
        self.streaming = False

    def decode(self, notification: Notification) -> list[Decoded]:
        """Return the contents of a notification; an empty list if it is bad."""
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
