"""Options of Home Assistant's discovery: whether, and under which prefix."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from gateway import __version__
from gateway.host.metrics import gateway_id, host_name
from gateway.mqtt.home_assistant.discovery import DiscoveryTarget
from gateway.mqtt.topics import TopicTree, base_problem


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeAssistantOptions:
    """Section ``outputs.mqtt.home_assistant``.

    Attributes
    ----------
    enabled : bool
    prefix : str
        Its discovery prefix.
    """

    enabled: bool = True
    prefix: str = "homeassistant"

    def problems(self) -> Iterator[str]:
        """Yield what types cannot say."""
        if problem := base_problem(self.prefix):
            yield problem.replace("base_topic", "prefix", 1)

    def place(
        self, topics: TopicTree, lanes: Collection[str]
    ) -> DiscoveryTarget | None:
        """Return the discovery target; None if discovery is off."""
        if not self.enabled:
            return None
        about = (topics, gateway_id(), host_name(), __version__)
        return DiscoveryTarget(*about, self.prefix, lanes)
