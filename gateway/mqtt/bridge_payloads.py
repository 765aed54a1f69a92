"""What the gateway says of itself over MQTT. Pure."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import NamedTuple

from gateway.formats.json_fields import json_bytes, utc_text
from gateway.host.vitals import Vitals
from gateway.journal.entry import JournalContents

SCHEMAS = dict.fromkeys(
    (
        *("epoch", "event", "health", "hypnogram", "info", "phase", "response"),
        *("session", "signal", "summary", "telemetry"),
    ),
    1,
)


@dataclass(frozen=True, slots=True)
class HostInfo:
    """Where the gateway runs.

    Attributes
    ----------
    host, arch, python : str
        Name of the machine, its processor, version of its Python.
    inference : str
        Name and version of what runs the model.
    """

    host: str
    arch: str
    python: str
    inference: str


class HeadbandEntry(NamedTuple):
    """What is known of a headband and of the model that scores it.

    Attributes
    ----------
    model, model_digest : str
    channels : tuple of str
        The model's inputs.
    driver, firmware : str or None
        None until it has sent its first sample; the firmware also where the headband
        does not say it.
    """

    model: str
    model_digest: str
    channels: tuple[str, ...]
    driver: str | None = None
    firmware: str | None = None


@dataclass(frozen=True, slots=True)
class BridgeHealth:
    """How the gateway does; None where this machine does not tell.

    Attributes
    ----------
    uptime_s : float
    vitals : Vitals
        Of the process and the machine; the disk is the journal's.
    reconnects : int
        To the broker.
    journal : JournalContents or None
        None while it cannot be read.
    clock_synchronised : bool
    outputs : mapping of str to (bool, str)
        Whether each does what it is there for, and in words how it does.
    """

    uptime_s: float
    vitals: Vitals
    reconnects: int
    journal: JournalContents | None
    clock_synchronised: bool
    outputs: Mapping[str, tuple[bool, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class GatewayInfo:
    """Who the gateway is.

    Attributes
    ----------
    version : str
    machine : HostInfo
    headbands : mapping of str to HeadbandEntry
        By name.
    started : datetime
    restart_required : tuple of str
        Sections of the configuration that were changed and wait for a restart.
    config_problems : tuple of str
        What is wrong with the configuration as it stands now.
    """

    version: str
    machine: HostInfo
    headbands: Mapping[str, HeadbandEntry]
    started: datetime
    restart_required: tuple[str, ...] = ()
    config_problems: tuple[str, ...] = ()


def info_payload(gateway: GatewayInfo) -> bytes:
    """Write who the gateway is as ``info.v1``, UTF-8 JSON."""
    return json_bytes(
        {
            "v": 1,
            "version": gateway.version,
            "schema": SCHEMAS,
            **asdict(gateway.machine),
            "devices": [
                {"name": name, **headband._asdict()}
                for name, headband in sorted(gateway.headbands.items())
            ],
            "started": utc_text(gateway.started),
            "restart_required": gateway.restart_required,
            "config_problems": gateway.config_problems,
        }
    )


def health_payload(health: BridgeHealth, now: datetime) -> bytes:
    """Write how the gateway does as ``health.v1``, UTF-8 JSON."""
    vitals, journal = health.vitals, health.journal
    return json_bytes(
        {
            "v": 1,
            "ts": utc_text(now),
            "uptime_s": round(health.uptime_s),
            "process": {
                "rss_mb": _rounded(vitals.rss_mb),
                "cpu_pct": _rounded(vitals.cpu_pct),
            },
            "host": {
                "mem_free_mb": _rounded(vitals.mem_free_mb),
                "load1": _rounded(vitals.load1),
                "cpu_temp_c": _rounded(vitals.cpu_temp_c),
                "disk_free_mb": _rounded(vitals.disk_free_mb),
                "throttled": vitals.throttled,
            },
            "mqtt": {"reconnects": health.reconnects},
            "journal": None if journal is None else _journal(journal, now),
            "clock": {"synchronised": health.clock_synchronised},
            "outputs": [
                {"name": name, "well": well, "words": words}
                for name, (well, words) in sorted(health.outputs.items())
            ],
        }
    )


def _journal(journal: JournalContents, now: datetime) -> dict[str, object]:
    oldest_s = journal.oldest_owed_s
    return {
        "pending": journal.owed,
        "oldest_pending_s": max(0, round(now.timestamp() - oldest_s))
        if oldest_s
        else 0,
        "dropped": journal.dropped,
        "rows": journal.rows,
        "first_seq": journal.first_seq,
        "next_seq": journal.next_seq,
        "size_mb": _rounded(journal.size_bytes / 1e6),
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
