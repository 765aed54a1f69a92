"""Outputs of the daemon: one module of this package each, or a plug-in.

`names` lists them, ``load("mqtt")`` imports one, `load_all` every one.
"""

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from gateway.plugins import Plugins

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from gateway.messages.control import Control
    from gateway.messages.feed import Feed
    from gateway.messages.outputs import Output, Reading

# modules of our options, so that a configuration is checked without what publishes
OPTIONS = {
    "edf": ("gateway.recorder.options", "EdfOptions"),
    "mqtt": ("gateway.mqtt.options", "MqttOptions"),
}
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
    wants: "tuple[type[Output], ...]"
    run: "Callable[[Options, Feed[Reading], Control], Awaitable[None]]"


PLUGINS: Plugins[Sink[Any]] = Plugins(__name__, Sink, "SINK", key="outputs.{name}")
names, load, load_all = PLUGINS.names, PLUGINS.load, PLUGINS.load_all


def options_of(name: str) -> type[Any]:
    """Return what the section of output `name` is parsed into.

    The output itself is imported only where `OPTIONS` does not name it.

    Raises
    ------
    ConfigError
        If there is no such output; lists those there are.
    """
    if name not in OPTIONS:
        return load(name).options
    module, options = OPTIONS[name]
    found: type[Any] = getattr(import_module(module), options)
    return found
