"""Everything the pipeline tells the sinks."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import NamedTuple

from gateway.acquisition.montage import HeadbandInfo
from gateway.acquisition.packets import Battery, Block
from gateway.acquisition.tally import Tally
from gateway.link.tally import LinkState
from gateway.preprocessing.fit import Contacts
from gateway.staging.events import SleepEvent
from gateway.staging.lights import Lights
from gateway.staging.score import ScoredEpoch
from gateway.staging.sleep_statistics import NightSummary


class Availability(NamedTuple):
    """Samples began to arrive, or the link was lost, and why."""

    online: bool
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalBegins:
    """What the blocks that follow are: told before the first of a session.

    Attributes
    ----------
    info : HeadbandInfo
    start_utc : datetime
        When second 0 was, as far as is known by now.
    synchronised : bool
        Whether the wall clock had been set by then.
    derivations : mapping of str to tuple of str
        What each of the model's inputs is made of, the best first.
    mains_hz : float
    driver : str
    """

    info: HeadbandInfo
    start_utc: datetime
    synchronised: bool
    derivations: Mapping[str, tuple[str, ...]]
    mains_hz: float
    driver: str = ""


class Recording(Enum):
    """Where a session stands; the value is its name in messages."""

    IDLE = "idle"  # nothing was received yet
    RECORDING = "recording"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class SessionState:
    """One night, from its first sample to its end.

    Attributes
    ----------
    state : Recording
    started_utc, ended_utc : datetime or None
    n_epochs : int
        Scored or refused so far.
    lights : Lights
        As marked; nothing is, unless somebody marks it.
    """

    state: Recording
    started_utc: datetime | None = None
    ended_utc: datetime | None = None
    n_epochs: int = 0
    lights: Lights = field(default_factory=Lights)


Output = (
    Availability
    | Battery
    | Block
    | Contacts
    | LinkState
    | NightSummary
    | ScoredEpoch
    | SessionState
    | SignalBegins
    | SleepEvent
    | Tally
)


@dataclass(frozen=True, slots=True)
class Reading:
    """One output of one headband.

    Attributes
    ----------
    device : str
        Its name in the configuration.
    session : str
        Sortable identifier of the night.
    model : str
        Name of the model in use.
    model_digest : str
        First 12 hex digits of its SHA-256.
    channels : tuple of str
        The model's derivations, in the order of every `ScoredEpoch.quality`.
    value : Output
    """

    device: str
    session: str
    model: str
    model_digest: str
    channels: tuple[str, ...]
    value: Output
