"""Faults on demand: a word and its argument, as a person types them."""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from gateway.errors import ConfigError
from sim.powered_device import PoweredDevice
from sim.radio.headband import REBOOT_S, SimulatedHeadband

LONGEST_S = 86_400.0


class Fault(NamedTuple):
    """Fault that can be caused; `timed` if it takes a number of seconds."""

    says: str
    do: Callable[[SimulatedHeadband, PoweredDevice, float], Awaitable[None]]
    timed: bool = False


async def _drop(band: SimulatedHeadband, _unit: PoweredDevice, _seconds: float) -> None:
    await band.disconnect()


async def _freeze(
    band: SimulatedHeadband, _unit: PoweredDevice, _seconds: float
) -> None:
    band.freeze()


async def _thaw(band: SimulatedHeadband, _unit: PoweredDevice, _seconds: float) -> None:
    band.thaw()


async def _away(band: SimulatedHeadband, _unit: PoweredDevice, seconds: float) -> None:
    await band.away(seconds)


async def _reboot(
    band: SimulatedHeadband, unit: PoweredDevice, _seconds: float
) -> None:
    await band.reboot(unit.reboot(band.after_s(REBOOT_S)))


async def _forget(
    band: SimulatedHeadband, _unit: PoweredDevice, _seconds: float
) -> None:
    await band.forget()


FAULTS = {
    "drop": Fault("hang up, and be found again at once", _drop),
    "freeze": Fault("stay connected and send nothing", _freeze),
    "thaw": Fault("send again, from where the night is now", _thaw),
    "away": Fault("be out of range so long, of this machine's time", _away, timed=True),
    "reboot": Fault("lose power for 2 s, with sample counts and boot id", _reboot),
    "forget": Fault("lose all bonds, and hang up", _forget),
}


async def obey(line: str, band: SimulatedHeadband, unit: PoweredDevice) -> None:
    """Do what a `line` like ``"away 30"`` says.

    Raises
    ------
    ConfigError
        If it says nothing known; lists what can be said.
    RecordingError
        If the night is over before it is back.
    """
    word, _, argument = line.strip().partition(" ")
    fault = FAULTS.get(word)
    if fault is None:
        raise ConfigError([f"{line.strip()!r} is no fault; there are {known()}"])
    seconds = seconds_of(word, argument) if fault.timed else 0.0
    await fault.do(band, unit, seconds)


def known() -> str:
    """List the faults as they are typed."""
    return ", ".join(f"{w} SECONDS" if f.timed else w for w, f in FAULTS.items())


def seconds_of(word: str, argument: str) -> float:
    """Read a duration; raises `ConfigError` on what is none."""
    try:
        seconds = float(argument)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= LONGEST_S:
        raise ConfigError([f"{word} {argument}: give seconds, like {word} 30"])
    return seconds
