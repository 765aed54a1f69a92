"""Loss counts: packets and seconds received and lost in a session."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LossCounts:
    """Packets and seconds received and lost since the session began.

    Attributes
    ----------
    packets : int
        Sample packets placed on the grid.
    late_packets : int
        Late or repeated packets, dropped.
    bad_packets : int
        Notifications that were no packet, dropped.
    unread_packets : int
        Notifications of which a part was of an unknown kind; the rest was used.
    lost_s : float
        Seconds of the night that never arrived, in the worst stream.
    connections : int
        Times the link came up.
    drift_ppm : float or None
        Headband clock against this machine's; None until fitted.
    sfreq_hz : float or None
        Measured sampling frequency of the fastest stream whose nominal one is rough;
        None until fitted, and where the nominal ones are true.
    """

    packets: int = 0
    late_packets: int = 0
    bad_packets: int = 0
    unread_packets: int = 0
    lost_s: float = 0.0
    connections: int = 0
    drift_ppm: float | None = None
    sfreq_hz: float | None = None
