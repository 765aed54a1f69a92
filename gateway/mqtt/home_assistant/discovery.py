"""Home Assistant's MQTT discovery: one message for a headband, one for the gateway.

The rules are those of Home Assistant's MQTT integration (device-based discovery,
since 2024.11): a device, an origin and components, each with a platform and a
``unique_id`` that never changes. Addresses of headbands appear nowhere.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from gateway.formats.json_fields import json_bytes
from gateway.mqtt.home_assistant.entities import (
    HERE,
    Entity,
    gateway_entities,
    headband_entities,
)
from gateway.mqtt.topics import Topic, TopicTree, may_be_published


class DiscoveryTarget(NamedTuple):
    """Discovery prefix, base topic and identity of the gateway.

    Attributes
    ----------
    topics : TopicTree
    gateway : str
        Stable identifier of this gateway, 6 hex digits.
    host : str
        Name of its machine, for people.
    version : str
    prefix : str
        Home Assistant's discovery prefix.
    lanes : collection of str or None
        What is published of a headband; None for everything. Entities without a lane
        are taken out of Home Assistant, should they be there.
    """

    topics: TopicTree
    gateway: str
    host: str
    version: str
    prefix: str = "homeassistant"
    lanes: Collection[str] | None = None

    @property
    def birth(self) -> str:
        """Topic on which Home Assistant says that it has started."""
        return f"{self.prefix}/status"


def headband_topic(place: DiscoveryTarget, device: str) -> Topic:
    """Return where a headband is announced; an empty message there removes it."""
    name = f"{place.prefix}/device/sleepgate_{place.gateway}_{device}/config"
    return Topic(name, retain=True)


def gateway_topic(place: DiscoveryTarget) -> Topic:
    """Return where the gateway itself is announced."""
    name = f"{place.prefix}/device/sleepgate_{place.gateway}/config"
    return Topic(name, retain=True)


def probe_topic(place: DiscoveryTarget) -> Topic:
    """Return a topic like those of discovery, of a headband that cannot be.

    Names of headbands begin with a letter or a digit.
    """
    name = f"{place.prefix}/device/sleepgate_{place.gateway}__doctor/config"
    return Topic(name, retain=False)


def headband_discovery(
    place: DiscoveryTarget,
    device: str,
    *,
    driver: str | None = None,
    firmware: str | None = None,
) -> bytes:
    """Announce all entities of one headband, UTF-8 JSON.

    Parameters
    ----------
    place : DiscoveryTarget
    device : str
    driver, firmware : str or None
        Of the headband, as far as they are known.
    """
    about: dict[str, object] = {
        "identifiers": [f"sleepgate_{place.gateway}_{device}"],
        "name": f"{device.replace('_', ' ').capitalize()} headband",
        "manufacturer": "Sleepgate",
        "via_device": f"sleepgate_{place.gateway}",
    }
    about |= {"model": driver} if driver else {}
    about |= {"sw_version": firmware} if firmware else {}
    return _discovery(place, device, about, headband_entities(place.topics, device))


def gateway_discovery(place: DiscoveryTarget) -> bytes:
    """Announce the entities of the gateway itself, UTF-8 JSON."""
    about = {
        "identifiers": [f"sleepgate_{place.gateway}"],
        "name": f"Sleep gateway ({place.host})",
        "manufacturer": "Sleepgate",
        "sw_version": place.version,
    }
    return _discovery(place, None, about, gateway_entities(place.topics))


def _discovery(
    place: DiscoveryTarget,
    device: str | None,
    about: Mapping[str, object],
    entities: Iterable[Entity],
) -> bytes:
    ours = "_".join(filter(None, ("sleepgate", place.gateway, device)))
    slug = "_".join(filter(None, ("sleepgate", device))).replace("-", "_")
    return json_bytes(
        {
            "device": about,
            "origin": {"name": "sleepgate", "sw_version": place.version},
            "qos": 1,
            "components": {
                key: {
                    **component,
                    "unique_id": f"{ours}_{key}",
                    "default_entity_id": f"{component['platform']}.{slug}_{key}",
                    **_availability(place.topics, device, kind),
                }
                if _is_fed(place, component)
                else {"platform": component["platform"]}  # which removes it
                for key, component, kind in entities
            },
        }
    )


def _is_fed(place: DiscoveryTarget, component: Mapping[str, object]) -> bool:
    """Tell whether anything is published for it to show; a button shows nothing."""
    topic = component.get("state_topic", component.get("image_topic"))
    if place.lanes is None or topic is None:
        return True
    return may_be_published(str(topic), place.lanes)


def _availability(
    topics: TopicTree, device: str | None, kind: str | None
) -> Mapping[str, object]:
    if kind is None:
        return {}
    of = [topics.bridge_state]
    if kind == HERE and device is not None:
        of.append(topics.availability(device))
    return {
        "availability": [{"topic": topic.name} for topic in of],
        "availability_mode": "all",
    }
