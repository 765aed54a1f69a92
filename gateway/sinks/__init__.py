"""Outputs of the daemon: one module of this package each, or a plug-in.

`names` lists them, ``load("mqtt")`` imports one, `load_all` every one.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from gateway.messages.control import Control
from gateway.messages.feed import Feed
from gateway.messages.outputs import Output, Reading
from gateway.plugins import Plugins

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


PLUGINS: Plugins[Sink[Any]] = Plugins(__name__, Sink, "SINK", key="outputs.{name}")
names, load, load_all = PLUGINS.names, PLUGINS.load, PLUGINS.load_all
