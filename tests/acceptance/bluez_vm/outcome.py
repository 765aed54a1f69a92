"""Inflict a case on a running stream, and see what comes of it."""

import asyncio
import time
from math import inf
from typing import NamedTuple

from gateway.ble.recovery_policy import STEADY_S
from tests.acceptance.bluez_vm.cases import Case, Lab, SideEffect
from tests.acceptance.bluez_vm.fault_cost import (
    Epoch,
    cost,
    covers,
    epochs_of,
    streaming_since,
    was_offline,
)
from tests.acceptance.bluez_vm.machine import Guest, GuestError

REST_S = STEADY_S + 5.0  # sooner, a fault would count as one more of the last
NOTICE_S = 60.0  # a fault is noticed within
AGAIN_S = 240.0  # and over within: emulated, and on a busy host
EPOCH_WAIT_S = 120.0
QUIET_S = 15.0


class Outcome(NamedTuple):
    """How a case ended.

    Attributes
    ----------
    case : str
    again_s : float or None
        From the fault to samples on MQTT again; None: never.
    lost_s : float
        Signal that no epoch holds, seconds.
    epochs : int
        Published meanwhile.
    refused : tuple of str
        Why some were not scored.
    problem : str or None
        What should not have been; None: passed.
    said : tuple of str
        Warnings of the daemon.
    """

    case: str
    again_s: float | None
    lost_s: float
    epochs: int
    refused: tuple[str, ...]
    problem: str | None
    said: tuple[str, ...]


async def inflict(lab: Lab, case: Case) -> Outcome:
    """Inflict `case` on a stream that runs, and wait until its cost is known."""
    heard = lab.guest.messages
    if problem := await _not_at_rest(lab.guest):
        return Outcome(case.name, None, 0.0, 0, (), problem, ())
    t, n_before = asyncio.get_running_loop().time(), len(epochs_of(heard))
    again_s = None
    try:
        try:
            await case.inflict(lab)
        except SideEffect as beside:
            problem = str(beside)
        again_s = await _streaming_again(lab.guest, case, t)
        await _settled(lab.guest, n_before)
    except GuestError as error:
        problem = str(error)
    epochs = epochs_of(heard)
    before = epochs[n_before - 1] if n_before else None
    lost_s, n_epochs, refused = cost(before, epochs[n_before:])
    said = tuple(lab.guest.said(t))
    return Outcome(case.name, again_s, lost_s, n_epochs, refused, problem, said)


async def _not_at_rest(guest: Guest) -> str | None:
    def at_rest() -> bool:
        since = streaming_since(guest.messages, -inf)
        return since is not None and asyncio.get_running_loop().time() - since > REST_S

    try:
        await guest.until(
            at_rest,
            NOTICE_S + REST_S,
            "the case before has left no stream to begin with",
        )
    except GuestError as error:
        return str(error)
    return None


async def _streaming_again(guest: Guest, case: Case, t: float) -> float | None:
    if not case.noticed:
        await asyncio.sleep(QUIET_S)
        if was_offline(guest.messages, t):
            raise GuestError("was offline, though this is too short to matter")
        return 0.0
    await guest.until(lambda: _lost(guest, t), NOTICE_S, "nobody noticed")
    await guest.until(
        lambda: streaming_since(guest.messages, t) is not None,
        AGAIN_S,
        "not streaming again",
    )
    since = streaming_since(guest.messages, t)
    return None if since is None else since - t


def _lost(guest: Guest, t: float) -> bool:
    """Tell whether the stream ended; one that dies with its machine says nothing."""
    return (
        was_offline(guest.messages, t) or streaming_since(guest.messages, t) is not None
    )


async def _settled(guest: Guest, n_before: int) -> None:
    """Wait for the epoch that holds the present."""
    wall_s = time.time()

    def published() -> bool:
        epochs = epochs_of(guest.messages)[n_before:]
        return bool(epochs) and covers(epochs[-1], wall_s)

    await guest.until(published, EPOCH_WAIT_S, "no epoch after it")


def last_epoch(guest: Guest) -> Epoch | None:
    """Return the newest epoch, if any."""
    epochs = epochs_of(guest.messages)
    return epochs[-1] if epochs else None
