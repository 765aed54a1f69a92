"""What is done to the real stack, and what must come of it."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple

from sim.radio.virtual_link import VirtualLink
from tests.acceptance.bluez_vm.machine import Guest, GuestError
from tests.acceptance.bluez_vm.peer import ADDRESS, Headband

ASKS_S = 75.0  # until the daemon asks for a bond
FROZEN_S = 20.0


class SideEffect(Exception):  # noqa: N818 - the case itself was inflicted
    """The case was inflicted, but something beside it was wrong; says what."""


@dataclass(frozen=True, slots=True)
class Lab:
    """Everything a case can lay hands on."""

    guest: Guest
    air: VirtualLink
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


async def _paired(lab: Lab) -> None:
    await lab.band.switch_off()
    lab.band.security = "just-works"
    await lab.band.switch_on()
    await _pair(lab)


async def _bond_lost(lab: Lab) -> None:
    await lab.band.switch_off()
    lab.band.forget()
    await lab.band.switch_on()
    await _pair(lab)


async def _pair(lab: Lab) -> None:
    """Pair as a person would, when the daemon has said that this is needed."""
    t = asyncio.get_running_loop().time()

    def asked() -> bool:
        return any("sleepgate pair" in line for line in lab.guest.said(t))

    with suppress(GuestError):
        await lab.guest.until(asked, ASKS_S, "the daemon asks for a bond")
    await lab.guest.run("systemctl stop sleepgate")
    await lab.guest.run(
        f"/opt/sleepgate/bin/sleepgate pair {ADDRESS} --name bedroom --replace"
    )
    await lab.guest.run("systemctl start sleepgate")
    if not asked():
        raise SideEffect("paired, but the daemon had not asked for `sleepgate pair`")


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
    Case("pair", "a headband that wants a bond: sleepgate pair", _paired),
    Case("stream", "nothing, half a minute long", _nothing, noticed=False),
    Case("blink", "out of range for 0.3 s", _short_outage, noticed=False),
    Case("away", "out of range for 20 s", _away),
    Case("drop", "the link is cut", _dropped),
    Case("band-frozen", "headband silent for 20 s", _band_frozen),
    Case("band-reboot", "headband off for 5 s, then boots", _band_restarted),
    Case("bond-lost", "headband forgets its bond: sleepgate pair", _bond_lost),
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
