"""Setup of one headband: its link, sessions, standby and checkpoint file."""

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field

from gateway.acquisition.packets import Input
from gateway.ble.link_state import LinkReading
from gateway.config.schema import SessionsConfig
from gateway.session.checkpoint_file import CheckpointFile
from gateway.session.pipeline import Pipeline
from gateway.session.standby import Standby
from gateway.staging.model_card import ModelCard


@dataclass(frozen=True, slots=True, eq=False)
class OpenSession:
    """Session that is announced or runs.

    Attributes
    ----------
    name : str
        Sortable identifier.
    pipeline : Pipeline
    """

    name: str
    pipeline: Pipeline


@dataclass(frozen=True, slots=True, eq=False)
class DeviceSetup:
    """Setup of one headband.

    Attributes
    ----------
    device : str
        Its name in the configuration.
    card : ModelCard
        Of the model that scores it.
    source : callable
        Makes its link, an async generator of inputs that never ends by itself and
        takes a thrown `LinkError` for the end of the connection. It is given where
        to report the link's states.
    new_session : callable
        Makes a night that has not begun.
    new_standby : callable
        Makes the standby for while no session runs.
    stall_s : float
        Notifications without samples for so long are no connection.
    sessions : SessionsConfig
        When they begin, end and are resumed.
    checkpoint_file : CheckpointFile or None
        For resuming after a crash; None: sessions are not resumed.
    """

    device: str
    card: ModelCard
    source: Callable[[Callable[[LinkReading], None]], AsyncGenerator[Input, None]]
    new_session: Callable[[], OpenSession]
    new_standby: Callable[[], Standby]
    stall_s: float
    sessions: SessionsConfig = field(default_factory=SessionsConfig)
    checkpoint_file: CheckpointFile | None = None
