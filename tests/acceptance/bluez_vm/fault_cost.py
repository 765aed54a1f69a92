"""Cost of a fault, from the messages of a night: when it was over, what was lost."""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import pairwise
from typing import NamedTuple

EPOCH_S = 30.0
SLACK_S = 3.0  # the guest's clock against ours, and the way of a message


class Message(NamedTuple):
    """One message as the guest's witness heard it.

    Attributes
    ----------
    t : float
        Arrival, monotonic seconds of the host.
    topic, payload : str
    retained : bool
        Old news that a new subscriber is told.
    """

    t: float
    topic: str
    payload: str
    retained: bool


class Epoch(NamedTuple):
    """One published epoch; `start_s` is POSIX time, `t` as in `Message`."""

    t: float
    session: str
    index: int
    start_s: float
    missing_s: float
    reason: str | None


class Cost(NamedTuple):
    """What a fault cost.

    Attributes
    ----------
    lost_s : float
        Signal that no published epoch holds, seconds.
    epochs : int
        Published from the one during which it happened on.
    refused : tuple of str
        The reason of each that was not scored.
    """

    lost_s: float
    epochs: int
    refused: tuple[str, ...]


def epoch_of(message: Message) -> Epoch | None:
    """Read a message of the journal lane, ``.../epoch``; None for any other."""
    if not message.topic.endswith("/epoch") or message.retained:
        return None
    said = json.loads(message.payload)
    return Epoch(
        t=message.t,
        session=said["session"],
        index=said["epoch"],
        start_s=datetime.fromisoformat(said["start"]).timestamp(),
        missing_s=said["quality"]["missing_s"],
        reason=said["reason"],
    )


def epochs_of(messages: Iterable[Message]) -> list[Epoch]:
    """List the epochs among `messages`, in order, each once."""
    epochs: dict[tuple[str, int], Epoch] = {}
    for message in messages:
        if epoch := epoch_of(message):  # the lane delivers at least once
            epochs.setdefault((epoch.session, epoch.index), epoch)
    return list(epochs.values())


def streaming_since(messages: Iterable[Message], t: float) -> float | None:
    """Return when samples arrived again after `t`; None if they do not now."""
    since = None
    for message in messages:
        if message.t > t and not message.retained:
            if message.topic.endswith("/availability"):
                since = message.t if message.payload == "online" else None
            elif message.topic.endswith("/bridge/state"):
                since = since if message.payload == "online" else None
    return since


def was_offline(messages: Iterable[Message], t: float) -> bool:
    """Tell whether anybody heard ``offline`` after `t`."""
    return any(
        message.t > t and not message.retained and message.payload == "offline"
        for message in messages
    )


def covers(epoch: Epoch, wall_s: float) -> bool:
    """Tell whether `epoch` ends after `wall_s`, POSIX time, for certain."""
    return epoch.start_s + EPOCH_S > wall_s + SLACK_S


def cost(before: Epoch | None, after: Sequence[Epoch]) -> Cost:
    """Add up what is missing.

    Parameters
    ----------
    before : Epoch or None
        The last one published before the fault.
    after : sequence of Epoch
        Those published since, up to one that `covers` the end of the fault.
    """
    lost_s = sum(epoch.missing_s for epoch in after)
    chain = [*([before] if before else []), *after]
    for earlier, later in pairwise(chain):
        if earlier.session == later.session:
            lost_s += EPOCH_S * (later.index - earlier.index - 1)
        else:
            lost_s += max(0.0, later.start_s - earlier.start_s - EPOCH_S)
    refused = tuple(epoch.reason for epoch in after if epoch.reason is not None)
    return Cost(lost_s, len(after), refused)
