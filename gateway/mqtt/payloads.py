"""Payloads about one headband: telemetry, session, events, phase, hypnogram. Pure."""

from dataclasses import asdict
from datetime import datetime

from gateway.epoch_length import EPOCH_S
from gateway.formats.json_fields import REFUSAL_CODE, json_bytes, utc_text
from gateway.messages.device_state import DeviceState
from gateway.messages.outputs import Availability, Reading, SessionState
from gateway.staging.events import SleepEvent
from gateway.staging.hypnogram import Hypnogram
from gateway.staging.stage import YASA_CODE, Refusal, Stage

# what Sleep as Android understands, whose automations many sleepers have already
PHASE = {
    Stage.W: "awake",
    Stage.N1: "light_sleep",
    Stage.N2: "light_sleep",
    Stage.N3: "deep_sleep",
    Stage.R: "rem",
}
NOT_AWAKE = "not_awake"
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
    return json_bytes(
        {
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
            "counts": asdict(state.link.tally),
        }
    )


def session_payload(reading: Reading, session: SessionState) -> bytes:
    """Write where a session stands as ``session.v1``, UTF-8 JSON."""
    return json_bytes(
        {
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
    )


def event_payload(reading: Reading, event: SleepEvent) -> bytes:
    """Write a moment of the night as ``event.v1``, UTF-8 JSON."""
    return json_bytes(
        {
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
    )


def phase_payload(reading: Reading, phase: str, since: datetime) -> bytes:
    """Write a phase in the words of Sleep as Android as ``phase.v1``, UTF-8 JSON."""
    return json_bytes(
        {
            "event_type": phase,
            "v": 1,
            "device": reading.device,
            "session": reading.session,
            "ts": utc_text(since),
        }
    )


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
    """Write a night's stages as runs of YASA's codes, ``hypnogram.v1``, UTF-8 JSON."""
    return json_bytes(
        {
            "v": 1,
            "device": reading.device,
            "session": reading.session,
            "start": utc_text(start),
            "epoch_s": EPOCH_S,
            "epochs": len(night),
            "runs": [[_code(run.stage), run.length] for run in night.runs()],
        }
    )


def _code(stage: Stage | Refusal) -> int:
    return YASA_CODE[stage] if isinstance(stage, Stage) else REFUSAL_CODE[stage]


def _utc(moment: datetime | None) -> str | None:
    return None if moment is None else utc_text(moment)


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
