"""Simulated headband: the protocol of the modules of `sim.devices`. Pure.

Device time runs in seconds from power-on, by the headband's own crystal; sample `i`
exists from ``i / rate`` on. A device knows neither radio nor clock: it is asked, and it
says at which device time a notification is due. `sim.radio.peripheral` puts
it on the air.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from gateway.errors import ConfigError

OK = 0  # status of a write that is not refused


def assigned(number: int) -> str:
    """Write a 16-bit UUID of the Bluetooth SIG in full, e.g. 0x2A19 or 0xFE8D."""
    return f"0000{number:04x}-0000-1000-8000-00805f9b34fb"


class Attribute(NamedTuple):
    """A characteristic.

    Attributes
    ----------
    uuid : str
        In full, lower case.
    properties : frozenset of str
        Of ``"read"``, ``"write"``, ``"write-without-response"``, ``"notify"`` and
        ``"indicate"``.
    service : str or None
        UUID of the service it belongs to; None for the one the device advertises.
    """

    uuid: str
    properties: frozenset[str]
    service: str | None = None


class Frame(NamedTuple):
    """A notification on `char` and the device time at which it is ready."""

    due_s: float
    char: str
    payload: bytes


class Reaction(NamedTuple):
    """Reaction to a write.

    Attributes
    ----------
    status : int
        0, or the ATT application error with which it is refused.
    replies : tuple of (str, bytes)
        Notified, or indicated, on these characteristics, in order.
    streaming : bool or None
        True: (re)start now, False: stop, None: as it was. A restart loses what was
        not sent yet.
    disconnect : bool
        Whether the device hangs up after the replies.
    """

    status: int = OK
    replies: tuple[tuple[str, bytes], ...] = ()
    streaming: bool | None = None
    disconnect: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceSettings:
    """Settings of a simulated headband.

    Attributes
    ----------
    boot_id : int
        Of this power-on, for headbands that say it.
    drift_ppm : float
        How much too fast its crystal runs: everything comes that much early.
    skip_s : float
        Device time at which it first streams, as if it had been out of range before.
    sfreq_hz : float or None
        True rate of this unit, by its own crystal; None: what its maker prints.
    name : str or None
        As advertised; None: a typical one.
    firmware : str or None
        Version, where a device can play several; None: the newest.
    starves_s : float or None
        Device time after which it stops for want of a keep-alive, if it is of a kind
        that wants one; None: it is patient.
    """

    boot_id: int = 1
    drift_ppm: float = 0.0
    skip_s: float = 0.0
    sfreq_hz: float | None = None
    name: str | None = None
    firmware: str | None = None
    starves_s: float | None = None

    def check_firmware(self, driver: str, there: Iterable[str]) -> None:
        """Refuse a firmware that is not among those that `driver`'s device plays.

        Raises
        ------
        ConfigError
            Naming those there are.
        """
        known = tuple(there)
        if self.firmware is not None and self.firmware not in known:
            problem = f"no {driver} {self.firmware!r}; there are {', '.join(known)}"
            raise ConfigError([f"firmware: {problem}"])


class SimulatedDevice(Protocol):
    """A headband that has recorded a night and streams it as it comes."""

    @property
    def driver(self) -> str:
        """Name of the driver that reads it."""
        ...

    @property
    def service(self) -> str:
        """UUID of the advertised service, in full."""
        ...

    @property
    def name(self) -> str:
        """As advertised, e.g. ``"MuseS-5A1C"``."""
        ...

    @property
    def attributes(self) -> tuple[Attribute, ...]:
        """Its characteristics, in the order of their handles."""
        ...

    @property
    def duration_s(self) -> float:
        """Device time at which the last sample exists."""
        ...

    @property
    def skip_s(self) -> float:
        """Device time at which it first streams."""
        ...

    @property
    def drift_ppm(self) -> float:
        """Drift of its crystal, positive if too fast."""
        ...

    def connected(self) -> None:
        """Begin a new connection: forget what was switched on in the last."""
        ...

    def read(self, char: str, device_s: float) -> bytes:
        """Answer a read."""
        ...

    def write(self, char: str, payload: bytes, mtu: int, device_s: float) -> Reaction:
        """Answer a write that came over a connection of this `mtu`."""
        ...

    def frames(self, since_s: float, mtu: int) -> Iterator[Frame]:
        """Yield what is switched on now, from `since_s` on, in order of device time.

        Each is asked for when the one before was sent, so what is due later may
        depend on writes up to then. No payload is longer than `mtu` - 3. Samples
        before `since_s` were lost while nobody listened. Ends with the night, or when
        the device stops by itself.
        """
        ...
