"""The headbands that can be played; each is one module, of its driver's name. Pure.

A module offers ``device(recording, knobs)``.
"""

from collections.abc import Callable
from importlib import import_module
from pkgutil import iter_modules

from gateway import drivers
from gateway.errors import ConfigError
from gateway.recordings.recording import Recording
from sim.device import DeviceSettings, SimulatedDevice

Maker = Callable[[Recording, DeviceSettings], SimulatedDevice]


def names() -> list[str]:
    """List the devices that can be asked for by name."""
    return sorted(m.name for m in iter_modules(__path__))


def load(name: str) -> Maker:
    """Import device `name`, e.g. ``load("diy")``, and return what makes it.

    Raises
    ------
    ConfigError
        If there is no such device; lists those there are.
    """
    if name not in names():
        raise ConfigError([missing(name)])
    maker: Maker = import_module(f"{__name__}.{name}").device
    return maker


def missing(name: str) -> str:
    """Say of a headband that is not among `names` what it lacks."""
    there = ", ".join(names())
    if name in drivers.names():
        return f"{name!r} cannot be simulated yet; there are {there}"
    return f"no simulated headband {name!r}; there are {there}"


def lsb_uv(name: str) -> float | None:
    """Return the microvolts of a count where device `name` does not say them.

    None where it does, and its driver needs no telling.
    """
    if not drivers.load(name).uncalibrated:
        return None
    scale: float = import_module(f"{__name__}.{name}").LSB_UV
    return scale
