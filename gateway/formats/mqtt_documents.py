"""Documents of the MQTT topics, declared once for types and JSON Schemas. Pure.

`gateway.formats.message_schema` makes ``schemas/NAME.v1.json`` of each, and mypy checks
the payloads against the same declarations.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NamedTuple, NotRequired, TypedDict

from gateway.ble.link_state import LinkState
from gateway.epoch_length import EPOCH_S
from gateway.formats.json_fields import LABEL, NOT_AWAKE, PHASE
from gateway.messages.outputs import RecordingState
from gateway.preprocessing.contact_state import ContactState
from gateway.preprocessing.signal_quality import Flaw
from gateway.staging.events import EventKind
from gateway.staging.stage import STAGES, Refusal


@dataclass(frozen=True, eq=False, slots=True)
class Constraint:
    """Keywords of JSON Schema beside those of a Python type; None removes one."""

    keywords: Mapping[str, Any]


AT_LEAST_0 = Constraint({"minimum": 0})
UP_TO_1 = Constraint({"minimum": 0, "maximum": 1})
PERCENT = Constraint({"minimum": 0, "maximum": 100})
OPEN = Constraint({"additionalProperties": None})  # a later version may add fields
ONE_OF = Constraint({"oneOf": None})  # `X | None` as two schemas, not as two types
LABELS = [LABEL[stage] for stage in STAGES]
# YASA's: W N1 N2 N3 R, artefact, unscored
CODES = Constraint({"enum": [0, 1, 2, 3, 4, -1, -2]})
MAYBE_STAGE = Constraint({"enum": [*LABELS, None]})
REASONS = (
    *(Refusal.WARM_UP, Refusal.LOW_QUALITY, Refusal.GAP, Refusal.OFF_HEAD),
    Refusal.MODEL_ERROR,
)
MAYBE_REFUSAL = Constraint({"enum": [None, *(reason.value for reason in REASONS)]})
# the last four are reserved: no version publishes them yet
FLAGS = Constraint(
    {"enum": [*(flaw.value for flaw in Flaw), "mains", "emg", "motion", "clock"]}
)

Device = Annotated[str, Constraint({"pattern": "^[a-z0-9_-]{1,32}$"})]
GatewayId = Annotated[str, Constraint({"pattern": "^[0-9a-f]{6}$"})]
Session = Annotated[str, Constraint({"minLength": 8, "maxLength": 40})]
UTC_PATTERN = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?Z$"
Utc = Annotated[str, Constraint({"pattern": UTC_PATTERN})]
Count = Annotated[int, AT_LEAST_0]
Positive = Annotated[float, AT_LEAST_0]
Share = Annotated[float, UP_TO_1]
Contact = Annotated[str, ContactState]
PhaseName = Annotated[str, Constraint({"enum": sorted({*PHASE.values(), NOT_AWAKE})})]


class ModelDocument(TypedDict):
    """Model that scored an epoch."""

    id: str
    digest: Annotated[str, Constraint({"pattern": "^[0-9a-f]{12}$"})]


class QualityDocument(TypedDict):
    """Signal quality of an epoch, over all derivations."""

    overall: Share
    channels: dict[str, Share]
    missing_s: Annotated[float, Constraint({"minimum": 0, "maximum": 30})]
    derivations: NotRequired[dict[str, str]]
    flags: list[Annotated[str, FLAGS]]


class ProbaDocument(TypedDict):
    """Probability of each stage."""

    W: Share
    N1: Share
    N2: Share
    N3: Share
    REM: Share


class EpochDocument(TypedDict):
    """Scored epoch, on topics ``stage`` and ``epoch``."""

    v: Literal[1]
    device: str
    session: Session
    epoch: Count
    seq: Count | None
    start: Utc
    duration_s: Annotated[int, Constraint({"const": EPOCH_S})]
    clock_synchronised: NotRequired[bool]
    stage: Annotated[str | None, MAYBE_STAGE]
    stage_int: Annotated[int, CODES]
    scored: bool
    reason: Annotated[str | None, MAYBE_REFUSAL]
    raw_stage: NotRequired[Annotated[str | None, MAYBE_STAGE]]
    asleep: bool | None
    confidence: Annotated[Share | None, ONE_OF]
    proba: Annotated[ProbaDocument | None, ONE_OF]
    raw_proba: NotRequired[Annotated[ProbaDocument | None, ONE_OF]]
    quality: Annotated[QualityDocument, OPEN]
    model: Annotated[ModelDocument, OPEN]
    latency_ms: NotRequired[dict[str, Positive]]
    late: bool
    published: Utc


# a refused epoch has a reason and no stage, a scored one has no reason
SCORED_OR_REFUSED = {
    "allOf": [
        {
            "if": {"properties": {"scored": {"const": True}}},
            "then": {
                "properties": {
                    "stage": {"enum": LABELS},
                    "stage_int": {"minimum": 0},
                    "reason": {"type": "null"},
                    "confidence": {"type": "number"},
                    "proba": {"type": "object"},
                }
            },
            "else": {
                "properties": {
                    "stage": {"type": "null"},
                    "stage_int": {"maximum": -1},
                    "reason": {"type": "string"},
                }
            },
        }
    ]
}


class EventDocument(TypedDict):
    """Moment of the night, on topic ``event``."""

    event_type: Annotated[str, EventKind]
    v: Literal[1]
    device: Device
    session: Session
    ts: Utc
    epoch: Count | None
    confidence: Share | None
    text: str | None
    step_s: float | None


class PhaseDocument(TypedDict):
    """Change of phase, on topic ``phase``."""

    event_type: PhaseName
    v: Literal[1]
    device: Device
    session: Session
    ts: Utc


class SessionDocument(TypedDict):
    """State of a session, on topic ``session``."""

    v: Literal[1]
    device: Device
    session: Session
    state: Annotated[str, RecordingState]
    started: Utc | None
    ended: Utc | None
    lights_off: Utc | None
    lights_on: Utc | None
    epochs: Count
    clock_synchronised: bool
    resumed: Count


class HypnogramDocument(TypedDict):
    """Stages of a night in runs, on topic ``hypnogram``."""

    v: Literal[1]
    device: Device
    session: Session
    start: Utc
    epoch_s: Annotated[int, Constraint({"const": EPOCH_S})]
    epochs: Count
    runs: list[tuple[Annotated[int, CODES], Annotated[int, Constraint({"minimum": 1})]]]


class ElectrodeDocument(TypedDict):
    """Contact of one electrode."""

    state: Contact
    quality: Share
    rms_uv: Positive
    mains_ratio: Share
    railed: Share


class InputDocument(TypedDict):
    """Contact of one input of the model."""

    derivation: str
    state: Contact
    quality: Share
    rms_uv: Positive
    mains_ratio: Share
    railed: Share


class SignalDocument(TypedDict):
    """Contact of the headband, on topic ``signal``."""

    v: Literal[1]
    device: Device
    session: Session
    ts: Utc
    window_s: Annotated[float, Constraint({"exclusiveMinimum": 0})]
    state: Contact | None
    channels: dict[str, InputDocument]
    electrodes: dict[str, ElectrodeDocument]


class LinkCounts(TypedDict):
    """Counts of a link so far."""

    attempts: Count
    connections: Count
    drops: Count
    stalls: Count
    scans: Count
    restarts: Count
    disconnects: Count
    power_cycles: Count


class TelemetryDocument(TypedDict):
    """Link, battery and loss of a headband, on topic ``telemetry``."""

    v: Literal[1]
    device: Device
    ts: Utc
    link: Annotated[str, LinkState]
    reason: str
    battery_pct: Annotated[int, PERCENT] | None
    clock_drift_ppm: float | None
    lost_s: Positive
    packet_loss_pct: Annotated[float, PERCENT]
    packets: Count
    late_packets: Count
    bad_packets: Count
    reconnects: Count
    unread_packets: Count
    sample_rate_hz: Positive | None
    counts: LinkCounts
    firmware: str | None


class HeadbandDocument(TypedDict):
    """Headband and the model that scores it."""

    name: Device
    model_digest: str
    model: str
    channels: list[str]
    driver: str | None
    firmware: str | None


class InfoDocument(TypedDict):
    """The gateway itself, on topic ``bridge/info``."""

    v: Literal[1]
    version: str
    schema: dict[str, Count]
    host: str
    arch: str
    python: str
    devices: list[HeadbandDocument]
    started: Utc
    inference: str
    restart_required: list[str]
    config_problems: list[str]


class ProcessDocument(TypedDict):
    """The gateway's process."""

    rss_mb: Positive | None
    cpu_pct: Positive | None


class HostDocument(TypedDict):
    """The machine."""

    mem_free_mb: Positive | None
    load1: Positive | None
    cpu_temp_c: float | None
    disk_free_mb: Positive | None
    throttled: bool | None


class BrokerDocument(TypedDict):
    """The connection to the broker."""

    reconnects: Count


class JournalDocument(TypedDict):
    """The journal of epochs."""

    pending: Count
    oldest_pending_s: Count
    dropped: Count
    rows: Count
    first_seq: Count
    next_seq: Count
    size_mb: Positive


class ClockDocument(TypedDict):
    """The machine's clock."""

    synchronised: bool


class OutputDocument(TypedDict):
    """One output."""

    name: str
    well: bool
    words: str


class HealthDocument(TypedDict):
    """Health of the gateway, on topic ``bridge/health``."""

    v: Literal[1]
    ts: Utc
    gateway: NotRequired[GatewayId]
    uptime_s: Count
    process: ProcessDocument
    host: HostDocument
    mqtt: BrokerDocument
    journal: JournalDocument | None
    clock: ClockDocument
    outputs: list[OutputDocument]


class ErrorDocument(TypedDict):
    """Reason of a refused request."""

    code: str
    message: str


class ResponseDocument(TypedDict):
    """Answer to a request, on topics ``response/VERB``."""

    transaction: str | int | None
    status: Literal["ok", "error"]
    data: NotRequired[dict[str, Any]]
    error: NotRequired[ErrorDocument]


class Declared(NamedTuple):
    """A document, its schema's title, and rules between its fields."""

    document: type
    title: str
    rules: dict[str, Any] = {}  # noqa: RUF012 (never changed)


DOCUMENTS = {
    "epoch": Declared(
        EpochDocument, "epoch v1 (topics .../stage and .../epoch)", SCORED_OR_REFUSED
    ),
    "event": Declared(EventDocument, "event v1 (topic .../event)"),
    "health": Declared(HealthDocument, "health v1 (topic .../bridge/health)"),
    "hypnogram": Declared(
        HypnogramDocument, "hypnogram v1 (topic .../hypnogram): runs of YASA codes"
    ),
    "info": Declared(InfoDocument, "info v1 (topic .../bridge/info)"),
    "phase": Declared(
        PhaseDocument, "phase v1 (topic .../phase), in the words of Sleep as Android"
    ),
    "response": Declared(ResponseDocument, "response v1 (topics .../response/<verb>)"),
    "session": Declared(SessionDocument, "session v1 (topic .../session)"),
    "signal": Declared(SignalDocument, "signal v1 (topic .../signal)"),
    "telemetry": Declared(TelemetryDocument, "telemetry v1 (topic .../telemetry)"),
}
