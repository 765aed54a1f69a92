"""A sink that is switched on."""

from dataclasses import dataclass
from typing import Any

from gateway.messages.feed import Feed
from gateway.messages.outputs import Reading
from gateway.sinks import Sink

DEPTH = 4096  # readings kept for a sink that lags: a night of epochs and more


@dataclass(frozen=True, slots=True, eq=False)
class ActiveSink:
    """A sink that is switched on, with its options and its queue."""

    sink: Sink[Any]
    options: object
    feed: Feed[Reading]

    @property
    def part(self) -> str:
        """Name of it."""
        return f"output {self.sink.name}"

    def put(self, reading: Reading) -> None:
        """Queue `reading` if the sink wants its kind."""
        if isinstance(reading.value, self.sink.wants):
            self.feed.put(reading)

    def does_the_same_as(self, other: "ActiveSink") -> bool:
        """Tell whether `other` is the same sink with the same options."""
        return self.sink is other.sink and self.options == other.options


def active_sink(sink: Sink[Any], options: object) -> ActiveSink:
    """Switch `sink` on."""
    return ActiveSink(sink, options, Feed[Reading](depth=DEPTH))
