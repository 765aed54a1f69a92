"""What goes out beside the epochs: telemetry, session, events, hypnogram. Pure."""

from dataclasses import asdict, dataclass
from datetime import datetime

from gateway.acquisition.loss_counts import LossCounts
from gateway.acquisition.packets import Battery
from gateway.ble.link_stats import LinkReading
from gateway.epoch_length import EPOCH_S
from gateway.formats.json_fields import REFUSAL_CODE, json_bytes, utc_text
from gateway.messages.outputs import Reading, SessionState
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


@dataclass(frozen=True, slots=True)
class LinkReport:
    """What is known of one headband's link.

    Attributes
    ----------
    state : LinkReading
    reason : str
        Why samples arrive, or do not.
    battery : Battery or None
        None until the headband has told.
    tally : LossCounts
    elapsed_s : float
        Since the session's first sample.
    firmware : str or None
        Of the headband, where it says so.
    """

    state: LinkReading
    reason: str
    battery: Battery | None
    tally: LossCounts
    elapsed_s: float
    firmware: str | None = None


def telemetry_payload(device: str, link: LinkReport, now: datetime) -> bytes:
    """Write how one headband's link does as ``telemetry.v1``, UTF-8 JSON."""
    tally = link.tally
    lost = min(1.0, tally.lost_s / link.elapsed_s) if link.elapsed_s > 0 else 0.0
    return json_bytes(
        {
            "v": 1,
            "device": device,
            "ts": utc_text(now),
            "link": link.state.state.value,
            "reason": link.reason,
            "battery_pct": None if link.battery is None else link.battery.percent,
            "clock_drift_ppm": _rounded(tally.drift_ppm, 1),
            "lost_s": round(tally.lost_s, 3),
            "packet_loss_pct": round(100 * lost, 3),
            "packets": tally.packets,
            "late_packets": tally.late_packets,
            "bad_packets": tally.bad_packets,
            "unread_packets": tally.unread_packets,
            "sample_rate_hz": _rounded(tally.sfreq_hz, 4),
            "reconnects": max(0, tally.connections - 1),
            "firmware": link.firmware,
            "counts": asdict(link.state.tally),
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
