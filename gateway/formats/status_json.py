"""Status of a running daemon as ``schemas/status.v1.json``. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from gateway.epoch_length import EPOCH_S
from gateway.fault_barrier import CountedFault
from gateway.formats.json_fields import LABEL, utc_text
from gateway.host.vitals import Vitals
from gateway.messages.device_state import DeviceState
from gateway.messages.outputs import Availability
from gateway.preprocessing.signal_quality import Flaw, Quality
from gateway.staging.scored_epoch import ScoredEpoch
from gateway.staging.stage import Refusal

NO_SESSION = "none"
NEVER_AVAILABLE = Availability(online=False, reason="not heard yet")


@dataclass(frozen=True, slots=True, kw_only=True)
class DaemonStatus:
    """The process itself.

    Attributes
    ----------
    version : str
    pid : int
    config : str
        File of its configuration.
    model : tuple of str or None
        Its name and digest; None until the first headband says.
    started : datetime
    uptime_s : float
    vitals : Vitals
    clock_synchronised : bool
    restart_required : tuple of str
        Sections of the configuration that wait for a restart.
    config_problems : tuple of str
        What is wrong with it as it stands now.
    faults : tuple of CountedFault
        Unexpected errors since it began.
    """

    version: str
    pid: int
    config: str
    model: tuple[str, str] | None
    started: datetime
    uptime_s: float
    vitals: Vitals
    clock_synchronised: bool
    restart_required: tuple[str, ...] = ()
    config_problems: tuple[str, ...] = ()
    faults: tuple[CountedFault, ...] = ()


@dataclass(frozen=True, slots=True)
class OutputStatus:
    """Health of one output; `facts` are its own."""

    name: str
    well: bool
    words: str
    facts: Mapping[str, object]


def status_document(
    daemon: DaemonStatus,
    devices: Sequence[DeviceState],
    outputs: Sequence[OutputStatus],
    now: datetime,
) -> dict[str, Any]:
    """Return what keeps to ``status.v1``."""
    vitals = daemon.vitals
    return {
        "v": 1,
        "ts": utc_text(now),
        "version": daemon.version,
        "pid": daemon.pid,
        "config": daemon.config,
        "started": utc_text(daemon.started),
        "uptime_s": round(daemon.uptime_s),
        "model": _model(daemon.model),
        "restart_required": list(daemon.restart_required),
        "config_problems": list(daemon.config_problems),
        "faults": [_fault(each) for each in daemon.faults],
        "clock": {"synchronised": daemon.clock_synchronised},
        "process": {
            "rss_mb": _rounded(vitals.rss_mb),
            "cpu_pct": _rounded(vitals.cpu_pct),
        },
        "disk_free_mb": _rounded(vitals.disk_free_mb),
        "devices": [_device(state) for state in devices],
        "outputs": [{**asdict(each), "facts": dict(each.facts)} for each in outputs],
    }


def _fault(fault: CountedFault) -> dict[str, Any]:
    return {
        "edge": fault.edge.value,
        "what": fault.what,
        "error": fault.error,
        "where": fault.where,
        "count": fault.count,
    }


def _model(model: tuple[str, str] | None) -> dict[str, str] | None:
    return None if model is None else {"id": model[0], "digest": model[1]}


def _device(state: DeviceState) -> dict[str, Any]:
    losses, link = state.losses, state.link
    return {
        "name": state.device,
        "link": link.state.value,
        "online": state.availability is not None and state.availability.online,
        "reason": _reason(state),
        "battery_pct": state.battery and state.battery.percent,
        "session": _session(state),
        "epoch": None if state.epoch is None else _epoch(state, state.epoch),
        "lost_s": round(losses.lost_s, 3),
        "lost_pct": _lost_pct(state),
        "bad_packets": losses.bad_packets,
        "drops": link.stats.drops,
        "stalls": link.stats.stalls,
    }


def _reason(state: DeviceState) -> str:
    """Return why samples arrive or do not; what failed last says more than "lost"."""
    availability = state.availability or NEVER_AVAILABLE
    if availability.online or not state.link.why:
        return availability.reason
    return state.link.why


def _session(state: DeviceState) -> dict[str, Any]:
    session = state.running_session
    began = session and session.started_utc
    return {
        "state": NO_SESSION if session is None else session.state.value,
        "id": state.session if session is not None else None,
        "started": began and utc_text(began),
    }


def _epoch(state: DeviceState, scored: ScoredEpoch) -> dict[str, Any]:
    refused = isinstance(scored.stage, Refusal)
    pairs = zip(state.channels, scored.quality, strict=True)
    return {
        "index": scored.index,
        "start": utc_text(scored.start_utc),
        "stage": None if isinstance(scored.stage, Refusal) else LABEL[scored.stage],
        "reason": scored.stage.value if refused else None,
        "confidence": _rounded(scored.confidence, 3),
        "asleep": scored.asleep,
        "quality": {label: _score(q) for label, q in pairs},
    }


def _score(quality: Quality) -> float | None:
    return None if Flaw.ABSENT in quality.flaws else round(quality.score, 3)


def _lost_pct(state: DeviceState) -> float | None:
    """Return the share of the session that never came; None before an epoch ended."""
    if state.epoch is None:
        return None
    lasted_s = (state.epoch.index + 1) * EPOCH_S
    return round(100 * min(1.0, state.losses.lost_s / lasted_s), 3)


def _rounded(value: float | None, digits: int = 1) -> float | None:
    return None if value is None else round(value, digits)
