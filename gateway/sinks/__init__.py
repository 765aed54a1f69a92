"""What an output is; each output is one module of this package."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, Generic, TypeVar

from gateway.errors import ConfigError
from gateway.messages.control import Control
from gateway.messages.feed import Feed
from gateway.messages.outputs import Output, Reading

Options = TypeVar("Options")


@dataclass(frozen=True, slots=True)
class Sink(Generic[Options]):
    """An output as data.

    Attributes
    ----------
    name : str
        Its section of the configuration.
    options : type
        Frozen dataclass that the section is parsed into.
    wants : tuple of type
        Kinds of `Output` put on its feed.
    run : callable
        Consumes the feed until it ends; raises `SinkError` to be restarted. What it
        wants of the daemon it asks of the `Control`.
    """

    name: str
    options: type[Options]
    wants: tuple[type[Output], ...]
    run: Callable[[Options, Feed[Reading], Control], Awaitable[None]]


def names() -> list[str]:
    """List the outputs that can be switched on by name."""
    return sorted(m.name for m in iter_modules(__path__))


def load(name: str) -> Sink[Any]:
    """Import output `name`, e.g. ``load("mqtt")``.

    Raises
    ------
    ConfigError
        If there is no such output; lists those there are.
    """
    if name not in names():
        raise ConfigError([f"outputs.{name}: unknown; there are {', '.join(names())}"])
    sink: Sink[Any] = import_module(f"{__name__}.{name}").SINK
    return sink
