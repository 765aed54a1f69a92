"""Vitals of a process and its machine. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Vitals:
    """Vitals of process and machine; None where this machine has none.

    Attributes
    ----------
    rss_mb, cpu_pct : float or None
        Of this process; the share of one core since the last time.
    mem_free_mb, load1, cpu_temp_c, disk_free_mb : float or None
        Of the machine.
    throttled : bool or None
        Whether a Raspberry Pi slows down just now, or its supply is too weak.
    """

    rss_mb: float | None
    cpu_pct: float | None
    mem_free_mb: float | None
    load1: float | None
    cpu_temp_c: float | None
    disk_free_mb: float | None
    throttled: bool | None = None
