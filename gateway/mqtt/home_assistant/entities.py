"""The entities that Home Assistant gets: which, from which topic, shown how. Pure."""

from collections.abc import Iterator, Sequence
from typing import Any

from gateway.formats.json_fields import LABEL, NOT_AWAKE, PHASE
from gateway.mqtt.topics import Topic, TopicTree
from gateway.preprocessing.contact_state import ContactState
from gateway.staging.events import EventKind
from gateway.staging.stage import STAGES

ASLEEP_EXPIRY_S = 300  # lights act on it: held longer than a stage
SIGNAL_EXPIRY_S = 60
# states alone: they change seldom, and every change is a row in its database
GRIPS = (
    "{% set found = namespace(grips={}) %}"
    "{% for label, contact in value_json.electrodes.items() %}"
    "{% set found.grips = dict(found.grips, **{label: contact.state}) %}"
    "{% endfor %}{{ found.grips | tojson }}"
)
SLOWED = (
    "{{ None if value_json.host.throttled is none else 'ON' "
    "if value_json.host.throttled else 'OFF' }}"
)
HERE, ALIVE = "here", "alive"  # availability: of the headband too, or the gateway's

Component = dict[str, Any]
Entity = tuple[str, Component, str | None]  # key, component, kind of availability


def headband_entities(topics: TopicTree, device: str) -> Iterator[Entity]:
    """Yield the entities of one headband."""
    yield from _live(topics, device)
    yield from _link(topics, device)
    for key, name, field, unit in LAST_NIGHT:
        yield key, _number(topics.summary(device), name, field, unit), None
    for key, name, field in (
        ("sleep_onset", "Fell asleep", "sleep_onset"),
        ("final_wake", "Woke up", "final_wake"),
    ):
        moment = _sensor(topics.summary(device), name, f"{{{{ value_json.{field} }}}}")
        yield key, moment | {"device_class": "timestamp"}, None
    events = [what.value for what in EventKind]
    yield "event", _event(topics.event(device), "Sleep event", events), HERE
    phases = sorted({*PHASE.values(), NOT_AWAKE})
    yield "phase", _event(topics.phase(device), "Sleep phase", phases), HERE
    yield from _controls(topics, device)
    picture = topics.hypnogram_svg(device).name
    yield (
        "hypnogram",
        {
            "platform": "image",
            "name": "Hypnogram",
            "image_topic": picture,
            "content_type": "image/svg+xml",
        },
        None,
    )


# key, name, field of the summary, unit: the last night stays when the headband is gone
LAST_NIGHT = (
    ("tst", "Total sleep time", "tst_min", "min"),
    ("sol", "Sleep onset latency", "sol_min", "min"),
    ("waso", "Wake after sleep onset", "waso_min", "min"),
    ("efficiency", "Sleep efficiency", "se_pct", "%"),
    ("n3", "Deep sleep (N3)", "stages_min.N3", "min"),
    ("rem", "REM sleep", "stages_min.REM", "min"),
    ("rem_latency", "REM latency", "lat_rem_min", "min"),
    ("unscored", "Unscored", "unscored_min", "min"),
)


def _live(topics: TopicTree, device: str) -> Iterator[Entity]:
    stage = topics.stage(device)
    expiry_s = topics.stage_expiry_s
    shown = _sensor(stage, "Sleep stage", "{{ value_json.stage }}")
    shown |= {"device_class": "enum", "options": [LABEL[s] for s in STAGES]}
    yield "stage", shown | {"expire_after": expiry_s, "icon": "mdi:sleep"}, HERE
    template = "{{ value_json.stage_int if value_json.scored else None }}"
    level = _sensor(stage, "Sleep stage level", template)
    level |= {"state_class": "measurement", "force_update": True}
    yield "stage_level", level | {"expire_after": expiry_s}, HERE
    template = (
        "{{ None if value_json.asleep is none else 'ON' if value_json.asleep "
        "else 'OFF' }}"
    )
    asleep = _sensor(stage, "Asleep", template) | {"platform": "binary_sensor"}
    expiry_s = max(expiry_s, ASLEEP_EXPIRY_S)
    yield "asleep", asleep | {"expire_after": expiry_s, "icon": "mdi:bed"}, HERE
    for key, name, field in (
        ("confidence", "Stage confidence", "value_json.confidence"),
        ("quality", "Signal quality", "value_json.quality.overall"),
    ):
        condition = " if value_json.scored else None" if key == "confidence" else ""
        template = f"{{{{ ({field} * 100) | round(0){condition} }}}}"
        share = _sensor(stage, name, template)
        share |= {"unit_of_measurement": "%", "state_class": "measurement"}
        yield key, share | {"expire_after": topics.stage_expiry_s}, HERE


def _link(topics: TopicTree, device: str) -> Iterator[Entity]:
    telemetry = topics.telemetry(device)
    battery = _number(telemetry, "Battery", "battery_pct", "%")
    yield "battery", _diagnostic(battery | {"device_class": "battery"}), ALIVE
    loss = _number(telemetry, "Signal lost", "packet_loss_pct", "%")
    yield "lost", _diagnostic(loss), ALIVE
    reconnects = _sensor(telemetry, "Reconnects", "{{ value_json.reconnects }}")
    yield "reconnects", _diagnostic(reconnects), ALIVE
    link = {
        "platform": "binary_sensor",
        "name": "Link",
        "state_topic": topics.availability(device).name,
        "payload_on": "online",
        "payload_off": "offline",
        "device_class": "connectivity",
    }
    yield "link", _diagnostic(link), ALIVE
    signal = topics.signal(device)
    contact = _sensor(signal, "Contact", "{{ value_json.state }}")
    contact |= {
        "device_class": "enum",
        "options": [grip.value for grip in ContactState],
        "expire_after": SIGNAL_EXPIRY_S,
        "icon": "mdi:head-cog",
        "json_attributes_topic": signal.name,
        "json_attributes_template": GRIPS,
    }
    yield "contact", _diagnostic(contact), HERE


def gateway_entities(topics: TopicTree) -> Iterator[Entity]:
    """Yield the entities of the gateway itself."""
    connection = {
        "platform": "binary_sensor",
        "name": "Connection",
        "state_topic": topics.bridge_state.name,
        "payload_on": "online",
        "payload_off": "offline",
        "device_class": "connectivity",
    }
    yield "connection", _diagnostic(connection), None
    health = topics.bridge_health
    template = "{{ value_json.journal.pending if value_json.journal else None }}"
    pending = _sensor(health, "Unsent epochs", template)
    yield "pending", _diagnostic(pending | {"state_class": "measurement"}), ALIVE
    memory = _number(health, "Memory in use", "process.rss_mb", "MB")
    yield "memory", _diagnostic(memory | {"device_class": "data_size"}), ALIVE
    disk = _number(health, "Disk free", "host.disk_free_mb", "MB")
    yield "disk", _diagnostic(disk | {"device_class": "data_size"}), ALIVE
    heat = _number(health, "CPU temperature", "host.cpu_temp_c", "°C")
    yield "temperature", _diagnostic(heat | {"device_class": "temperature"}), ALIVE
    template = (
        "{{ 'ON' if value_json.restart_required or value_json.config_problems "
        "else 'OFF' }}"
    )
    config = _sensor(topics.bridge_info, "Configuration needs you", template)
    config |= {"platform": "binary_sensor", "device_class": "problem"}
    config |= {
        "json_attributes_topic": topics.bridge_info.name,
        "json_attributes_template": "{{ {'restart_required': "
        "value_json.restart_required, 'config_problems': value_json.config_problems} "
        "| tojson }}",
    }
    yield "config", _diagnostic(config), ALIVE
    slow = _sensor(health, "Slowed by heat or supply", SLOWED)
    slow |= {"platform": "binary_sensor", "device_class": "problem"}
    yield "throttled", _diagnostic(slow), ALIVE
    template = "{{ 'OFF' if value_json.clock.synchronised else 'ON' }}"
    clock = _sensor(health, "Clock not synchronised", template)
    clock |= {"platform": "binary_sensor", "device_class": "problem"}
    yield "clock", _diagnostic(clock), ALIVE
    restart = {
        "platform": "button",
        "name": "Restart",
        "command_topic": topics.request("bridge", "restart").name,
        "payload_press": "{}",
        "device_class": "restart",
        "entity_category": "config",
    }
    yield "restart", restart, ALIVE


def _controls(topics: TopicTree, device: str) -> Iterator[Entity]:
    session = topics.session(device)
    recording = _switch(session, "Recording", "value_json.state != 'ended'")
    recording |= {
        "command_topic": topics.request(device, "session").name,
        "payload_on": "start",
        "payload_off": "stop",
        "icon": "mdi:record-rec",
    }
    yield "recording", recording, ALIVE
    condition = "value_json.lights_off and not value_json.lights_on"
    lights = _switch(session, "Lights out", condition)
    lights |= {
        "command_topic": topics.request(device, "lights").name,
        "payload_on": "off",  # the switch is on while the lights are off
        "payload_off": "on",
        "icon": "mdi:lightbulb-night",
    }
    yield "lights_out", lights, ALIVE
    mark = {
        "platform": "button",
        "name": "Mark this moment",
        "command_topic": topics.request(device, "mark").name,
        "payload_press": '{"text": "marked in Home Assistant"}',
        "icon": "mdi:map-marker",
    }
    yield "mark", mark, ALIVE


def _switch(topic: Topic, name: str, condition: str) -> Component:
    return {
        "platform": "switch",
        "name": name,
        "state_topic": topic.name,
        "value_template": f"{{{{ 'ON' if {condition} else 'OFF' }}}}",
        "state_on": "ON",
        "state_off": "OFF",
    }


def _sensor(topic: Topic, name: str, template: str) -> Component:
    return {
        "platform": "sensor",
        "name": name,
        "state_topic": topic.name,
        "value_template": template,
    }


def _number(topic: Topic, name: str, field: str, unit: str) -> Component:
    number = _sensor(topic, name, f"{{{{ value_json.{field} }}}}")
    number |= {"unit_of_measurement": unit, "state_class": "measurement"}
    return number | ({"device_class": "duration"} if unit == "min" else {})


def _event(topic: Topic, name: str, kinds: Sequence[str]) -> Component:
    return {
        "platform": "event",
        "name": name,
        "state_topic": topic.name,
        "event_types": list(kinds),
    }


def _diagnostic(component: Component) -> Component:
    return component | {"entity_category": "diagnostic"}
