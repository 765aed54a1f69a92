"""Payloads about the headbands and about the gateway itself. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from gateway.ble.link_state import LinkStats
from gateway.epoch_length import EPOCH_S
from gateway.formats.json_fields import (
    NOT_AWAKE,
    PHASE,
    REFUSAL_CODE,
    json_bytes,
    utc_text,
)
from gateway.host.vitals import Vitals
from gateway.journal.entry import JournalContents
from gateway.messages.device_state import DeviceState
from gateway.messages.outputs import Availability, Reading, SessionState
from gateway.preprocessing.contact_monitor import WINDOW_S
from gateway.preprocessing.contact_state import ContactState
from gateway.preprocessing.electrode_contact import Contact
from gateway.preprocessing.headband_fit import Contacts
from gateway.staging.events import SleepEvent
from gateway.staging.hypnogram import Hypnogram
from gateway.staging.stage import YASA_CODE, Refusal, Stage

if TYPE_CHECKING:  # for mypy; the daemon need not load the declarations
    from gateway.formats.mqtt_documents import (
        ElectrodeDocument,
        EventDocument,
        HeadbandDocument,
        HealthDocument,
        HypnogramDocument,
        InfoDocument,
        JournalDocument,
        LinkCounts,
        PhaseDocument,
        SessionDocument,
        SignalDocument,
        TelemetryDocument,
    )

WORST_FIRST = (ContactState.OFF, ContactState.FAIR, ContactState.GOOD)
SCHEMAS = dict.fromkeys(
    (
        *("epoch", "event", "health", "hypnogram", "info", "phase", "response"),
        *("session", "signal", "summary", "telemetry"),
    ),
    1,
)
NEVER_AVAILABLE = Availability(online=False, reason="nothing was received yet")


def telemetry_payload(state: DeviceState, now: datetime, elapsed_s: float) -> bytes:
    """Return a headband's telemetry as ``telemetry.v1``, UTF-8 JSON.

    Parameters
    ----------
    state : DeviceState
    now : datetime
    elapsed_s : float
        Since the session's first sample; the share of lost packets is of these.
    """
    losses, battery = state.losses, state.battery
    lost = min(1.0, losses.lost_s / elapsed_s) if elapsed_s > 0 else 0.0
    document: TelemetryDocument = {
        "v": 1,
        "device": state.device,
        "ts": utc_text(now),
        "link": state.link.state.value,
        "reason": (state.availability or NEVER_AVAILABLE).reason,
        "battery_pct": None if battery is None else battery.percent,
        "clock_drift_ppm": _rounded(losses.drift_ppm, 1),
        "lost_s": round(losses.lost_s, 3),
        "packet_loss_pct": round(100 * lost, 3),
        "packets": losses.packets,
        "late_packets": losses.late_packets,
        "bad_packets": losses.bad_packets,
        "unread_packets": losses.unread_packets,
        "sample_rate_hz": _rounded(losses.sfreq_hz, 4),
        "reconnects": max(0, losses.connections - 1),
        "firmware": state.firmware,
        "counts": _link_counts(state.link.stats),
    }
    return json_bytes(document)


def _link_counts(stats: LinkStats) -> "LinkCounts":
    return {
        "attempts": stats.attempts,
        "connections": stats.connections,
        "drops": stats.drops,
        "stalls": stats.stalls,
        "scans": stats.scans,
        "restarts": stats.restarts,
        "disconnects": stats.disconnects,
        "power_cycles": stats.power_cycles,
    }


def session_payload(reading: Reading, session: SessionState) -> bytes:
    """Return the state of a session as ``session.v1``, UTF-8 JSON."""
    document: SessionDocument = {
        "v": 1,
        "device": reading.device,
        "session": reading.session,
        "state": session.state.value,
        "started": _utc(session.started_utc),
        "ended": _utc(session.ended_utc),
        "lights_off": _utc(session.lights.off_utc),
        "lights_on": _utc(session.lights.on_utc),
        "epochs": session.n_epochs,
        "clock_synchronised": session.clock_synchronised,
        "resumed": session.resumed,
    }
    return json_bytes(document)


def event_payload(reading: Reading, event: SleepEvent) -> bytes:
    """Return an event of the night as ``event.v1``, UTF-8 JSON."""
    document: EventDocument = {
        "event_type": event.what.value,
        "v": 1,
        "device": reading.device,
        "session": reading.session,
        "ts": utc_text(event.utc),
        "epoch": event.epoch,
        "confidence": event.confidence,
        "text": event.text,
        "step_s": event.step_s,
    }
    return json_bytes(document)


def phase_payload(reading: Reading, phase: str, since: datetime) -> bytes:
    """Return a phase in the words of Sleep as Android as ``phase.v1``, UTF-8 JSON."""
    document: PhaseDocument = {
        "event_type": phase,
        "v": 1,
        "device": reading.device,
        "session": reading.session,
        "ts": utc_text(since),
    }
    return json_bytes(document)


def phase_of(stage: Stage | Refusal, *, asleep: bool | None) -> str | None:
    """Return the phase of an epoch, None where nothing can be said.

    Parameters
    ----------
    stage : Stage or Refusal
    asleep : bool or None
        The debounced verdict: in a refused epoch of a sleeper all that is known.
    """
    if isinstance(stage, Stage):
        return PHASE[stage]
    return NOT_AWAKE if asleep else None


def hypnogram_payload(reading: Reading, night: Hypnogram, start: datetime) -> bytes:
    """Return a night's stages as runs of YASA's codes, ``hypnogram.v1``, UTF-8 JSON."""
    document: HypnogramDocument = {
        "v": 1,
        "device": reading.device,
        "session": reading.session,
        "start": utc_text(start),
        "epoch_s": EPOCH_S,
        "epochs": len(night),
        "runs": [(_code(run.stage), run.length) for run in night.runs()],
    }
    return json_bytes(document)


def _code(stage: Stage | Refusal) -> int:
    return YASA_CODE[stage] if isinstance(stage, Stage) else REFUSAL_CODE[stage]


def _utc(moment: datetime | None) -> str | None:
    return None if moment is None else utc_text(moment)


def _rounded(value: float | None, digits: int = 1) -> float | None:
    return None if value is None else round(value, digits)


def signal_payload(reading: Reading, contacts: Contacts, now: datetime) -> bytes:
    """Return the contact of each electrode as ``signal.v1``, UTF-8 JSON.

    Nothing of the signal itself: an rms, and shares of it. What the headband does not
    have, and what is sampled too slowly to tell, is left out.

    Parameters
    ----------
    reading : Reading
    contacts : Contacts
        Its value.
    now : datetime
    """
    inputs = [each for each in contacts.inputs if each.contact is not None]
    states = {each.contact.state for each in inputs if each.contact}
    worst = next((grip.value for grip in WORST_FIRST if grip in states), None)
    document: SignalDocument = {
        "v": 1,
        "device": reading.device,
        "session": reading.session,
        "ts": utc_text(now),
        "window_s": WINDOW_S,
        "state": worst,
        "channels": {
            each.label: {"derivation": each.derivation, **_electrode(each.contact)}
            for each in inputs
            if each.contact
        },
        "electrodes": {
            each.label: _electrode(each.contact)
            for each in contacts.electrodes
            if each.contact
        },
    }
    return json_bytes(document)


def _electrode(contact: Contact) -> "ElectrodeDocument":
    return {
        "state": contact.state.value,
        "quality": round(contact.quality, 2),
        "rms_uv": round(contact.rms_uv, 1),
        "mains_ratio": round(contact.mains_ratio, 3),
        "railed": round(contact.railed, 3),
    }


@dataclass(frozen=True, slots=True)
class HostInfo:
    """Host machine of the gateway.

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
    """Headband and the model that scores it.

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
    """Health of the gateway; None where this machine has no such figure.

    Attributes
    ----------
    gateway : str
    uptime_s : float
    vitals : Vitals
        Of the process and the machine; the disk is the journal's.
    reconnects : int
        To the broker.
    journal : JournalContents or None
        None while it cannot be read.
    clock_synchronised : bool
    outputs : mapping of str to (bool, str)
        Whether each works, and in words how.
    """

    gateway: str
    uptime_s: float
    vitals: Vitals
    reconnects: int
    journal: JournalContents | None
    clock_synchronised: bool
    outputs: Mapping[str, tuple[bool, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class GatewayInfo:
    """Identity of the gateway.

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
    """Return version, machine and headbands as ``info.v1``, UTF-8 JSON."""
    document: InfoDocument = {
        "v": 1,
        "version": gateway.version,
        "schema": SCHEMAS,
        "host": gateway.machine.host,
        "arch": gateway.machine.arch,
        "python": gateway.machine.python,
        "inference": gateway.machine.inference,
        "devices": [
            _headband(name, headband)
            for name, headband in sorted(gateway.headbands.items())
        ],
        "started": utc_text(gateway.started),
        "restart_required": list(gateway.restart_required),
        "config_problems": list(gateway.config_problems),
    }
    return json_bytes(document)


def _headband(name: str, headband: HeadbandEntry) -> "HeadbandDocument":
    return {
        "name": name,
        "model": headband.model,
        "model_digest": headband.model_digest,
        "channels": list(headband.channels),
        "driver": headband.driver,
        "firmware": headband.firmware,
    }


def health_payload(health: BridgeHealth, now: datetime) -> bytes:
    """Return the health of the gateway as ``health.v1``, UTF-8 JSON."""
    vitals, journal = health.vitals, health.journal
    document: HealthDocument = {
        "v": 1,
        "ts": utc_text(now),
        "gateway": health.gateway,
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
    return json_bytes(document)


def _journal(journal: JournalContents, now: datetime) -> "JournalDocument":
    oldest_s = journal.oldest_owed_s or now.timestamp()
    waits_s = max(0, round(now.timestamp() - oldest_s))
    return {
        "pending": journal.owed,
        "oldest_pending_s": waits_s,
        "dropped": journal.dropped,
        "rows": journal.rows,
        "first_seq": journal.first_seq,
        "next_seq": journal.next_seq,
        "size_mb": round(journal.size_bytes / 1e6, 1),
    }
