"""What a headband driver is; each driver is one module of this package. Pure."""

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules
from typing import NamedTuple, Protocol

from gateway.acquisition.montage import HeadbandInfo
from gateway.acquisition.packets import Decoded, Notification
from gateway.errors import ConfigError


class Read(NamedTuple):
    """Ask the link to read a characteristic; its value is sent back."""

    char: str


class Write(NamedTuple):
    """Ask the link to write a characteristic; an empty value is sent back."""

    char: str
    payload: bytes


Handshake = Generator[Read | Write, bytes, HeadbandInfo]


class Decoder(Protocol):
    """Holds whatever a headband's format needs from packet to packet."""

    def feed(self, notification: Notification) -> Iterator[Decoded]:
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
        Characteristics to subscribe to, before the handshake.
    handshake : callable
        Makes a generator that is driven once per connection: it yields `Read` and
        `Write` requests, receives their answers, and returns what the headband
        says of itself once streaming has begun. Raises `DecodeError` on an answer
        it cannot use.
    stop : tuple of Write
        Written before a clean disconnect.
    decoder : callable
        Makes the decoder of one connection.
    """

    name: str
    service: str
    notify: tuple[str, ...]
    handshake: Callable[[], Handshake]
    stop: tuple[Write, ...]
    decoder: Callable[[HeadbandInfo], Decoder]


def names() -> list[str]:
    """List the drivers that can be asked for by name."""
    return sorted(m.name for m in iter_modules(__path__))


def load(name: str) -> Driver:
    """Import driver `name`, e.g. ``load("diy")``.

    Raises
    ------
    ConfigError
        If there is no such driver; lists those there are.
    """
    if name not in names():
        raise ConfigError([f"driver: no {name!r}; there are {', '.join(names())}"])
    driver: Driver = import_module(f"{__name__}.{name}").DRIVER
    return driver
