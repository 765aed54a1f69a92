"""One headband through its sessions."""

from collections.abc import AsyncGenerator, Callable, Iterator
from dataclasses import dataclass

from gateway.acquisition.packets import Input, LinkDown, LinkUp, Notification, Tick
from gateway.errors import LinkError, StallError
from gateway.link.tally import LinkState
from gateway.outputs import Output, Reading, Recording, SessionState
from gateway.pipeline import Pipeline
from gateway.staging.model_card import ModelCard

BAD_IN_A_ROW = 100


@dataclass(frozen=True, slots=True, eq=False)
class Session:
    """One night.

    Attributes
    ----------
    name : str
        Sortable identifier.
    pipeline : Pipeline
    """

    name: str
    pipeline: Pipeline


@dataclass(frozen=True, slots=True, eq=False)
class Station:
    """One headband with all that belongs to it.

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
    stall_s : float
        Notifications without samples for so long are no connection.
    """

    device: str
    card: ModelCard
    source: Callable[[Callable[[LinkState], None]], AsyncGenerator[Input, None]]
    new_session: Callable[[], Session]
    stall_s: float


class Bed:
    """A station and the session that runs there, once `begin` was called.

    The link is kept whether a session runs or not, so that the next one begins at
    once.

    Parameters
    ----------
    station : Station

    Attributes
    ----------
    name : str
        Of the headband, in the configuration.
    station : Station
    """

    def __init__(self, station: Station) -> None:
        self.name = station.device
        self.station = station
        self._session: Session | None = None
        self._session_name = ""
        self._up: LinkUp | None = None

    @property
    def runs(self) -> bool:
        """Whether a session runs."""
        return self._session is not None

    def push(self, value: Input) -> Iterator[Output]:
        """Yield what follows from `value`; nothing while no session runs."""
        if isinstance(value, LinkUp):
            self._up = value
        elif isinstance(value, LinkDown):
            self._up = None
        if self._session is not None:
            yield from self._session.pipeline.push(value)

    def begin(self, now: Tick) -> Iterator[Output]:
        """Begin a session, if none runs."""
        if self._session is None:
            self._session = self.station.new_session()
            self._session_name = self._session.name
            yield SessionState(Recording.IDLE)
            yield from self._session.pipeline.push(now)
            if self._up is not None:
                yield from self._session.pipeline.push(self._up)

    def end(self) -> Iterator[Output]:
        """End the session that runs, if any."""
        session, self._session = self._session, None
        if session is not None:
            yield from session.pipeline.close()

    def mark(self, t: float, text: str) -> Iterator[Output]:
        """Note that something happened at `t`; nothing while no session runs."""
        if self._session is not None:
            yield from self._session.pipeline.mark(t, text)

    def switch_lights(self, t: float, *, off: bool) -> Iterator[Output]:
        """Note that the lights went off or on at `t`, if a session runs."""
        if self._session is not None:
            yield from self._session.pipeline.switch_lights(t, off=off)

    def fault(self, value: Input) -> LinkError | None:
        """Return why the connection that `value` came over is no use, if it is not."""
        if self._session is None or not isinstance(value, Notification):
            return None
        pipeline, stall_s = self._session.pipeline, self.station.stall_s
        n_bad = pipeline.bad_in_a_row
        if n_bad >= BAD_IN_A_ROW:
            return LinkError(f"{n_bad} notifications in a row were no packets")
        if value.t_rx - pipeline.t_sampled > stall_s:
            return StallError(f"notifications, but no samples for {stall_s:g} s")
        return None

    def reading(self, value: Output) -> Reading:
        """Wrap an output of this station."""
        card = self.station.card
        return Reading(
            device=self.name,
            session=self._session_name,
            model=card.name,
            model_digest=card.short_digest,
            channels=card.channels,
            value=value,
        )
