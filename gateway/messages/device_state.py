"""Last known state of one headband, reduced from its readings. Pure."""

from dataclasses import dataclass, field, replace
from typing import Any

from gateway.acquisition.loss_counts import LossCounts
from gateway.acquisition.packets import Battery
from gateway.ble.link_state import LinkReading, LinkState, LinkStats
from gateway.messages.outputs import (
    Availability,
    Output,
    Reading,
    RecordingState,
    SessionState,
    SignalBegins,
)
from gateway.preprocessing.headband_fit import Contacts
from gateway.staging.scored_epoch import ScoredEpoch
from gateway.staging.sleep_statistics import NightSummary


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceState:
    """Newest reading of each kind of one headband.

    Readings of one kind change the field of that kind and no other, whatever comes
    between them. The first reading of a new session clears the fields that belong to a
    session, because yesterday's losses are not tonight's.

    Attributes
    ----------
    device : str
        Name in the configuration.
    session : str
        Identifier of the session of the newest reading; empty before the first.
    model, model_digest : str
        Model that scores it; empty before the first reading.
    channels : tuple of str
        The model's derivations, in the order of `ScoredEpoch.quality`.
    driver, firmware : str or None
        None until the headband has sent its first sample; the firmware also where the
        headband does not report one.
    availability : Availability or None
        None until samples arrived or failed to.
    link : LinkReading
    battery : Battery or None
    contacts : Contacts or None
        Of this session.
    losses : LossCounts
        Of this session.
    session_state : SessionState or None
        Of this session.
    epoch : ScoredEpoch or None
        Newest epoch of this session.
    summary : NightSummary or None
        Of this session, which is over.
    """

    device: str
    session: str = ""
    model: str = ""
    model_digest: str = ""
    channels: tuple[str, ...] = ()
    driver: str | None = None
    firmware: str | None = None
    availability: Availability | None = None
    link: LinkReading = LinkReading(LinkState.IDLE, LinkStats())  # noqa: RUF009 (immutable)
    battery: Battery | None = None
    contacts: Contacts | None = None
    losses: LossCounts = field(default_factory=LossCounts)
    session_state: SessionState | None = None
    epoch: ScoredEpoch | None = None
    summary: NightSummary | None = None

    @property
    def running_session(self) -> SessionState | None:
        """The session that runs, also one that waits for its first sample."""
        state = self.session_state
        is_over = state is None or state.state is RecordingState.ENDED
        return None if is_over or self.summary is not None else state

    def add(self, reading: Reading) -> "DeviceState":
        """Return the state after `reading`, which is of this headband.

        Kinds that leave no state, such as samples and events, change the session's
        identifier and the model at most.
        """
        state = self
        if reading.session != self.session:
            state = replace(self, session=reading.session, **_SESSION_FIELDS)
        model = (reading.model, reading.model_digest, reading.channels)
        if model != (state.model, state.model_digest, state.channels):
            state = replace(
                state, model=model[0], model_digest=model[1], channels=model[2]
            )
        changed = _changed_fields(reading.value)
        return replace(state, **changed) if changed else state


# what a new session begins without
_SESSION_FIELDS: dict[str, Any] = {
    "contacts": None,
    "losses": LossCounts(),
    "session_state": None,
    "epoch": None,
    "summary": None,
}


_FIELD_OF: dict[type, str] = {
    Availability: "availability",
    Battery: "battery",
    LinkReading: "link",
    LossCounts: "losses",
    NightSummary: "summary",
    ScoredEpoch: "epoch",
    SessionState: "session_state",
}


def _changed_fields(value: Output) -> dict[str, Any]:
    if isinstance(value, SignalBegins):
        return {"driver": value.driver, "firmware": value.info.firmware}
    if isinstance(value, Contacts):  # a subclass while the headband is put on
        return {"contacts": value}
    name = _FIELD_OF.get(type(value))
    return {} if name is None else {name: value}
