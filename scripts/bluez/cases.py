"""What is done to the real stack, and what must come of it."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import NamedTuple

from scripts.bluez.account import (
    Epoch,
    cost,
    covers,
    epochs_of,
    streaming_since,
    was_offline,
)
from scripts.bluez.machine import Guest, GuestError
from scripts.bluez.peer import ADDRESS, Headband
from sim.air import Air

NOTICE_S = 60.0  # a fault is noticed within
AGAIN_S = 240.0  # and over within: emulated, and on a busy host
EPOCH_WAIT_S = 120.0
QUIET_S = 15.0
FROZEN_S = 20.0


@dataclass(frozen=True, slots=True)
class Lab:
    """Everything a case can lay hands on."""

    guest: Guest
    air: Air
    band: Headband


class Case(NamedTuple):
    """One thing that happens at night.

    Attributes
    ----------
    name : str
    about : str
        What is done, in the table's words.
    inflict : callable
        Does it, and undoes what the world would undo.
    noticed : bool
        Whether ``offline`` must be heard; else it must not.
    """

    name: str
    about: str
    inflict: Callable[[Lab], Awaitable[None]]
    noticed: bool = True


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


async def suffer(lab: Lab, case: Case) -> Outcome:
    """Inflict `case` on a stream that runs, and wait until its cost is known."""
    heard = lab.guest.messages
    t, n_before = time.monotonic(), len(epochs_of(heard))
    again_s, problem = None, None
    try:
        await case.inflict(lab)
        again_s = await _streaming_again(lab.guest, case, t)
        await _settled(lab.guest, n_before)
    except GuestError as error:
        problem = str(error)
    epochs = epochs_of(heard)
    before = epochs[n_before - 1] if n_before else None
    lost_s, n_epochs, refused = cost(before, epochs[n_before:])
    said = tuple(lab.guest.said(t))
    return Outcome(case.name, again_s, lost_s, n_epochs, refused, problem, said)


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


async def _nothing(_: Lab) -> None:
    await asyncio.sleep(30)


async def _short_outage(lab: Lab) -> None:
    await lab.air.outage(0.3)


async def _away(lab: Lab) -> None:
    await lab.air.outage(20)


async def _dropped(lab: Lab) -> None:
    await lab.guest.run(f"bluetoothctl disconnect {ADDRESS}")


async def _band_frozen(lab: Lab) -> None:
    lab.band.freeze()
    await asyncio.sleep(20)
    lab.band.thaw()


async def _band_restarted(lab: Lab) -> None:
    await lab.band.switch_off()
    await asyncio.sleep(5)
    await lab.band.switch_on()


async def _bluetoothd_killed(lab: Lab) -> None:
    await lab.guest.run("systemctl kill -s KILL bluetooth")


async def _bluetoothd_frozen(lab: Lab) -> None:
    await lab.guest.run("systemctl kill -s STOP bluetooth")
    await asyncio.sleep(FROZEN_S)
    await lab.guest.run("systemctl kill -s CONT bluetooth")


async def _bluetoothd_restarted(lab: Lab) -> None:
    await lab.guest.run("systemctl restart bluetooth")


async def _adapter_off_and_on(lab: Lab) -> None:
    await lab.guest.run("bluetoothctl power off")
    await asyncio.sleep(10)
    await lab.guest.run("bluetoothctl power on")


async def _daemon_killed(lab: Lab) -> None:
    await lab.guest.run("systemctl kill -s KILL sleepgate")


async def _daemon_frozen(lab: Lab) -> None:
    await lab.guest.run("systemctl kill -s STOP sleepgate")


async def _daemon_restarted(lab: Lab) -> None:
    await lab.guest.run("systemctl restart sleepgate")


async def _rebooted(lab: Lab) -> None:
    lab.guest.tell("systemctl reboot")
    await lab.guest.halted(120)
    await lab.guest.boot()


async def _power_cut(lab: Lab) -> None:
    await lab.guest.cut()
    await asyncio.sleep(2)
    await lab.guest.boot()


CASES = (
    Case("stream", "nothing, half a minute long", _nothing, noticed=False),
    Case("blink", "out of range for 0.3 s", _short_outage, noticed=False),
    Case("away", "out of range for 20 s", _away),
    Case("drop", "the link is cut", _dropped),
    Case("band-frozen", "headband silent for 20 s", _band_frozen),
    Case("band-reboot", "headband off for 5 s, then boots", _band_restarted),
    Case("bluetoothd-restart", "systemctl restart bluetooth", _bluetoothd_restarted),
    Case("bluetoothd-kill", "SIGKILL to bluetoothd", _bluetoothd_killed),
    Case("bluetoothd-freeze", "SIGSTOP to bluetoothd for 20 s", _bluetoothd_frozen),
    Case("adapter-off", "adapter off for 10 s", _adapter_off_and_on),
    Case("daemon-kill", "SIGKILL to the daemon", _daemon_killed),
    Case("daemon-freeze", "SIGSTOP to the daemon", _daemon_frozen),
    Case("daemon-restart", "systemctl restart sleepgate", _daemon_restarted),
    Case("reboot", "systemctl reboot", _rebooted),
    Case("power-cut", "power cut for 2 s", _power_cut),
)
