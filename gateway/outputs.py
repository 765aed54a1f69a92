"""Everything the pipeline tells the sinks."""

from dataclasses import dataclass
from typing import NamedTuple

from gateway.acquisition.packets import Battery, Block
from gateway.acquisition.tally import Tally
from gateway.link.tally import LinkState
from gateway.staging.score import ScoredEpoch
from gateway.staging.sleep_statistics import NightSummary


class Availability(NamedTuple):
    """Samples began to arrive, or the link was lost, and why."""

    online: bool
    reason: str


Output = Availability | Battery | Block | LinkState | NightSummary | ScoredEpoch | Tally


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
