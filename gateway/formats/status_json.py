"""How a running daemon does, as ``schemas/status.v1.json``. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from gateway.acquisition.loss_counts import LossCounts
from gateway.acquisition.packets import Battery
from gateway.ble.link_state import LinkState
from gateway.ble.link_stats import LinkReading, LinkStats
from gateway.epoch_length import EPOCH_S
from gateway.formats.json_fields import LABEL, utc_text
from gateway.host.vitals import Vitals
from gateway.messages.outputs import Availability, Reading, RecordingState, SessionState
from gateway.preprocessing.signal_quality import Flaw, Quality
from gateway.staging.scored_epoch import ScoredEpoch
from gateway.staging.sleep_statistics import NightSummary
from gateway.staging.stage import Refusal

NO_SESSION = "none"


@dataclass(slots=True)
class DeviceStatus:
    """What was heard last of one headband.

    Attributes
    ----------
    name : str
    availability : Availability
    link : LinkReading
    battery : Battery or None
    tally : LossCounts
    session : SessionState or None
        None while none runs.
    session_name : str
    scored : ScoredEpoch or None
        The newest epoch of the session.
    channels : tuple of str
        The model's derivations.
    """

    name: str
    availability: Availability = Availability(online=False, reason="not heard yet")  # noqa: RUF009 (immutable)
    link: LinkReading = LinkReading(LinkState.IDLE, LinkStats())  # noqa: RUF009 (immutable)
    battery: Battery | None = None
    tally: LossCounts = LossCounts()  # noqa: RUF009 (immutable)
    session: SessionState | None = None
    session_name: str = ""
    scored: ScoredEpoch | None = None
    channels: tuple[str, ...] = ()

    def hear(self, reading: Reading) -> None:
        """Take in what is new; a new session forgets the epochs of the one before."""
        if reading.session != self.session_name:
            self.session_name, self.channels = reading.session, reading.channels
            self.scored, self.tally = None, LossCounts()
        match reading.value:
            case Availability() as availability:
                self.availability = availability
            case LinkReading() as link:
                self.link = link
            case Battery() as battery:
                self.battery = battery
            case LossCounts() as tally:
                self.tally = tally
            case SessionState(state=RecordingState.ENDED) | NightSummary():
                self.session = None
            case SessionState() as session:
                self.session = session
            case ScoredEpoch() as scored:
                self.scored = scored
            case other:
                raise TypeError(f"{type(other).__name__} is of no use here")


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


@dataclass(frozen=True, slots=True)
class OutputStatus:
    """How one output does; `facts` are its own."""

    name: str
    well: bool
    words: str
    facts: Mapping[str, object]


def status_document(
    daemon: DaemonStatus,
    device_statuses: Sequence[DeviceStatus],
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
        "clock": {"synchronised": daemon.clock_synchronised},
        "process": {
            "rss_mb": _rounded(vitals.rss_mb),
            "cpu_pct": _rounded(vitals.cpu_pct),
        },
        "disk_free_mb": _rounded(vitals.disk_free_mb),
        "devices": [_device(device_status) for device_status in device_statuses],
        "outputs": [{**asdict(each), "facts": dict(each.facts)} for each in outputs],
    }


def _model(model: tuple[str, str] | None) -> dict[str, str] | None:
    return None if model is None else {"id": model[0], "digest": model[1]}


def _device(device_status: DeviceStatus) -> dict[str, Any]:
    tally, link = device_status.tally, device_status.link
    return {
        "name": device_status.name,
        "link": link.state.value,
        "online": device_status.availability.online,
        "reason": _reason(device_status),
        "battery_pct": device_status.battery and device_status.battery.percent,
        "session": _session(device_status),
        "epoch": None
        if device_status.scored is None
        else _epoch(device_status, device_status.scored),
        "lost_s": round(tally.lost_s, 3),
        "lost_pct": _lost_pct(device_status),
        "bad_packets": tally.bad_packets,
        "drops": link.tally.drops,
        "stalls": link.tally.stalls,
    }


def _reason(device_status: DeviceStatus) -> str:
    """Say why samples arrive or do not; what failed last says more than "lost"."""
    if device_status.availability.online or not device_status.link.why:
        return device_status.availability.reason
    return device_status.link.why


def _session(device_status: DeviceStatus) -> dict[str, Any]:
    session = device_status.session
    began = session and session.started_utc
    return {
        "state": NO_SESSION if session is None else session.state.value,
        "id": device_status.session_name if session is not None else None,
        "started": began and utc_text(began),
    }


def _epoch(device_status: DeviceStatus, scored: ScoredEpoch) -> dict[str, Any]:
    refused = isinstance(scored.stage, Refusal)
    pairs = zip(device_status.channels, scored.quality, strict=True)
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


def _lost_pct(device_status: DeviceStatus) -> float | None:
    """Return the share of the session that never came; None before an epoch ended."""
    if device_status.scored is None:
        return None
    lasted_s = (device_status.scored.index + 1) * EPOCH_S
    return round(100 * min(1.0, device_status.tally.lost_s / lasted_s), 3)


def _rounded(value: float | None, digits: int = 1) -> float | None:
    return None if value is None else round(value, digits)
