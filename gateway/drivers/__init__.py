"""Drivers of headbands: one module of this package each, or a plug-in. Pure.

`names` lists them, ``load("diy")`` imports one, `load_all` every one.
"""

from collections.abc import Callable, Collection, Generator, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple, Protocol

from gateway.errors import ConfigError
from gateway.plugins import Plugins

if TYPE_CHECKING:
    from gateway.acquisition.montage import HeadbandInfo
    from gateway.acquisition.packets import Decoded, Notification

# drivers that need no lsb_uv, so that a configuration is checked without importing
# them; one that is not listed is imported and asked
CALIBRATED = frozenset({"diy", "ganglion", "muse_athena", "muse_classic"})


class Read(NamedTuple):
    """Ask the link to read a characteristic; its value is sent back."""

    char: str


class Write(NamedTuple):
    """Ask the link to write a characteristic; an empty value is sent back.

    `response` says whether the headband acknowledges it, `pause_s` how long it wants
    to be left alone afterwards.
    """

    char: str
    payload: bytes
    response: bool = True
    pause_s: float = 0.0


class Listen(NamedTuple):
    """Ask the link for the next notification on `char`; its payload is sent back.

    An empty value is sent back if none comes within `timeout_s`. Each notification
    since the connection was made answers one `Listen` at most, in order of arrival;
    the decoder gets all of them as well.
    """

    char: str
    timeout_s: float


Request = Read | Write | Listen
Handshake = Generator[Request, bytes, "HeadbandInfo"]


class KeepAlive(NamedTuple):
    """Keep-alive that a headband must be sent every so often, or it falls asleep."""

    write: Write
    every_s: float


class Decoder(Protocol):
    """Holds whatever a headband's format needs from packet to packet."""

    def feed(self, notification: "Notification") -> "Iterator[Decoded]":
        """Yield what a notification holds; raise `DecodeError` on bytes that are none.

        Nothing is yielded from a notification that raises.
        """
        ...


@dataclass(frozen=True, slots=True)
class Driver:
    """A headband as data; no driver opens a radio.

    Attributes
    ----------
    name : str
        As written in the configuration.
    service : str
        UUID by which a scan recognises the headband.
    notify : tuple of str
        Characteristics to subscribe to, in this order, before the handshake. A
        headband that lacks one of them is of another kind.
    handshake : callable
        Makes a generator that is driven once per connection: it yields `Read` and
        `Write` requests, receives their answers, and returns what the headband
        says of itself once streaming has begun. Raises `DecodeError` on an answer
        it cannot use, `LinkError` when it must be connected to anew.
    stop : tuple of Write
        Written before a clean disconnect.
    decoder : callable
        Makes the decoder of one connection.
    prefixes : tuple of str
        How its advertised name may begin; for headbands that do not advertise their
        service.
    lacks : tuple of str
        Characteristics that only another kind with the same service has.
    also_notify : tuple of str
        Subscribed to where the headband has them and they notify.
    keep_alive : KeepAlive or None
    derivations : mapping of str to tuple of str
        For each of the model's inputs that these electrodes can give, the best
        derivation first, then those for when an electrode is off. The configuration
        overrides them.
    uncalibrated : bool
        Whether nobody knows how many microvolts a count is. The configuration has to
        say it; see `calibrated`.
    """

    name: str
    service: str
    notify: tuple[str, ...]
    handshake: Callable[[], Handshake]
    stop: tuple[Write, ...]
    decoder: "Callable[[HeadbandInfo], Decoder]"
    prefixes: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    also_notify: tuple[str, ...] = ()
    keep_alive: KeepAlive | None = None
    derivations: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    uncalibrated: bool = False

    def may_be(self, name: str | None, services: Collection[str]) -> bool:
        """Tell whether what advertises `name` and `services` can be of this kind."""
        return self.service in services or (
            name is not None and name.startswith(self.prefixes)
        )

    def recognises(self, characteristics: Collection[str]) -> bool:
        """Tell whether what has these `characteristics` is of this kind."""
        return set(self.notify) <= set(characteristics) and not (
            set(self.lacks) & set(characteristics)
        )


PLUGINS = Plugins(__name__, Driver, "DRIVER", key="driver")
names, load, load_all = PLUGINS.names, PLUGINS.load, PLUGINS.load_all


def calibrated(driver: Driver, lsb_uv: float | None) -> Driver:
    """Return `driver` with the calibration that the configuration gives it.

    Parameters
    ----------
    driver : Driver
    lsb_uv : float or None
        Microvolts per count of every channel; None: as the headband says.

    Raises
    ------
    ConfigError
        If one is needed and missing, or given and not needed.
    """
    _check_scale(driver.name, lsb_uv, uncalibrated=driver.uncalibrated)
    if lsb_uv is None:
        return driver
    return replace(driver, handshake=_scaled(driver, lsb_uv), uncalibrated=False)


def check(name: str, lsb_uv: float | None) -> None:
    """Check what a configuration says of a driver, and import it only if unknown.

    Raises
    ------
    ConfigError
        As of `load` and `calibrated`.
    """
    uncalibrated = name not in CALIBRATED and load(name).uncalibrated
    _check_scale(name, lsb_uv, uncalibrated=uncalibrated)


def _check_scale(name: str, lsb_uv: float | None, *, uncalibrated: bool) -> None:
    if lsb_uv is None and uncalibrated:
        why = "does not say how many microvolts a count is; measure it"
        where = "docs/headbands.md says how"
        raise ConfigError([f"lsb_uv: missing: {name} {why} ({where})"])
    if lsb_uv is not None and not uncalibrated:
        raise ConfigError([f"lsb_uv: {name} says it itself; remove it"])


def _scaled(driver: Driver, lsb_uv: float) -> Callable[[], Handshake]:
    def handshake() -> Handshake:
        info = yield from driver.handshake()
        streams = tuple(
            replace(s, channels=tuple(replace(c, lsb_uv=lsb_uv) for c in s.channels))
            for s in info.montage.streams
        )
        return replace(info, montage=replace(info.montage, streams=streams))

    return handshake
