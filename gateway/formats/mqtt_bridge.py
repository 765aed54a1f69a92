"""What the gateway says of itself over MQTT. Pure."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime

from gateway.formats.mqtt_payloads import json_bytes, utc_text

SCHEMAS = dict.fromkeys(
    (
        *("epoch", "event", "health", "hypnogram", "info", "phase", "response"),
        *("session", "signal", "summary", "telemetry"),
    ),
    1,
)


@dataclass(frozen=True, slots=True)
class Machine:
    """Where the gateway runs.

    Attributes
    ----------
    host, arch, python, inference : str
        Name of the machine, its processor, and versions.
    """

    host: str
    arch: str
    python: str
    inference: str


@dataclass(frozen=True, slots=True)
class Health:
    """How the gateway does; None where this machine does not tell.

    Attributes
    ----------
    uptime_s : float
    rss_mb, cpu_pct : float or None
        Of this process; the share of one core since the last report.
    mem_free_mb, load1, cpu_temp_c, disk_free_mb : float or None
        Of the machine; the disk is the journal's.
    reconnects : int
        To the broker.
    pending, rows : int or None
        Epochs owed to the broker, and in the journal; None while it cannot be read.
    oldest_pending_s, size_mb : float or None
    clock_synchronised : bool
    """

    uptime_s: float
    rss_mb: float | None
    cpu_pct: float | None
    mem_free_mb: float | None
    load1: float | None
    cpu_temp_c: float | None
    disk_free_mb: float | None
    reconnects: int
    pending: int | None
    rows: int | None
    oldest_pending_s: float | None
    size_mb: float | None
    clock_synchronised: bool


def info_payload(
    version: str,
    machine: Machine,
    models: Mapping[str, str],
    started: datetime,
) -> bytes:
    """Write who this gateway is as ``info.v1``, UTF-8 JSON.

    Parameters
    ----------
    version : str
    machine : Machine
    models : mapping of str to str
        Digest of the model that scores each headband.
    started : datetime
    """
    return json_bytes(
        {
            "v": 1,
            "version": version,
            "schema": SCHEMAS,
            **asdict(machine),
            "devices": [
                {"name": device, "model_digest": digest}
                for device, digest in sorted(models.items())
            ],
            "started": utc_text(started),
        }
    )


def health_payload(health: Health, now: datetime) -> bytes:
    """Write how the gateway does as ``health.v1``, UTF-8 JSON."""
    return json_bytes(
        {
            "v": 1,
            "ts": utc_text(now),
            "uptime_s": round(health.uptime_s),
            "process": {
                "rss_mb": _rounded(health.rss_mb),
                "cpu_pct": _rounded(health.cpu_pct),
            },
            "host": {
                "mem_free_mb": _rounded(health.mem_free_mb),
                "load1": health.load1,
                "cpu_temp_c": _rounded(health.cpu_temp_c),
                "disk_free_mb": _rounded(health.disk_free_mb),
            },
            "mqtt": {"reconnects": health.reconnects},
            "journal": {
                "pending": health.pending,
                "oldest_pending_s": _rounded(health.oldest_pending_s),
                "rows": health.rows,
                "size_mb": _rounded(health.size_mb),
            },
            "clock": {"synchronised": health.clock_synchronised},
        }
    )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
