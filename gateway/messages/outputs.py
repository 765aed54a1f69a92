"""Everything the pipeline tells the sinks."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import Enum
from typing import NamedTuple

from gateway.acquisition.loss_counts import LossCounts
from gateway.acquisition.montage import HeadbandInfo
from gateway.acquisition.packets import Battery, SampleBlock
from gateway.ble.link_state import LinkReading
from gateway.preprocessing.headband_fit import Contacts
from gateway.staging.events import SleepEvent
from gateway.staging.lights import Lights
from gateway.staging.scored_epoch import ScoredEpoch
from gateway.staging.sleep_statistics import NightSummary


class Availability(NamedTuple):
    """Samples began to arrive, or the link was lost, and why."""

    online: bool
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalBegins:
    """Description of the blocks that follow; comes before the first of a session.

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


class RecordingState(Enum):
    """State of a session; the value is its name in messages."""

    IDLE = "idle"  # nothing was received yet
    RECORDING = "recording"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class SessionState:
    """One night, from its first sample to its end.

    Attributes
    ----------
    state : RecordingState
    started_utc, ended_utc : datetime or None
    n_epochs : int
        Scored or refused so far.
    lights : Lights
        As marked; nothing is, unless somebody marks it.
    clock_synchronised : bool
        Whether the network has set this machine's clock, which says all times.
    resumed : int
        Times that it was taken up after the daemon had been away.
    """

    state: RecordingState
    started_utc: datetime | None = None
    ended_utc: datetime | None = None
    n_epochs: int = 0
    lights: Lights = field(default_factory=Lights)
    clock_synchronised: bool = True
    resumed: int = 0

    def shifted(self, by: timedelta) -> "SessionState":
        """Return this with all times `by` later."""
        return replace(
            self,
            started_utc=self.started_utc and self.started_utc + by,
            ended_utc=self.ended_utc and self.ended_utc + by,
            lights=self.lights.shifted(by),
        )


@dataclass(frozen=True, slots=True, eq=False)
class NightEpochs:
    """All epochs of a session: when it is taken up again, and at its end.

    Attributes
    ----------
    epochs : tuple of ScoredEpoch
        In order and without a hole: ``epochs[i].index == i``.
    final : bool
        Whether the session is over.
    """

    epochs: tuple[ScoredEpoch, ...]
    final: bool


Output = (
    Availability
    | Battery
    | SampleBlock
    | Contacts
    | LinkReading
    | NightEpochs
    | NightSummary
    | ScoredEpoch
    | SessionState
    | SignalBegins
    | SleepEvent
    | LossCounts
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
