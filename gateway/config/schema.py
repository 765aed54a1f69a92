"""The configuration: its schema as frozen dataclasses."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from gateway.config.parsing import parse

__all__ = ["BleConfig", "Config", "DeviceConfig", "LogConfig", "StagingConfig", "parse"]

VOLT_UV = 1e6
BRIDGE = "bridge"
SLUG = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")


@dataclass(frozen=True, slots=True, kw_only=True)
class BleConfig:
    """Which radio to use."""

    backend: Literal["bluez", "simulated"] = "bluez"
    adapter: str | None = None
    transport: str | None = None
    bonds: str | None = None

    def problems(self) -> Iterator[str]:
        """Yield what the types cannot say."""
        if self.backend == "simulated" and self.transport is None:
            yield "transport: needed by the simulated backend, e.g. unix:/tmp/hci1"
        for key in ("transport", "bonds"):
            if self.backend == "bluez" and getattr(self, key) is not None:
                yield f"{key}: only the simulated backend has one; remove it"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceConfig:
    """One headband."""

    name: str
    driver: str = "diy"
    address: str = "auto"
    channels: Mapping[str, str] = field(default_factory=dict)
    stall_s: float = 5.0
    lsb_uv: float | None = None

    def problems(self) -> Iterator[str]:
        """Yield what the types cannot say."""
        if self.lsb_uv is not None and not 0 < abs(self.lsb_uv) < VOLT_UV:
            yield f"lsb_uv: {self.lsb_uv} are not the microvolts of a count"
        if not SLUG.fullmatch(self.name):
            yield f"name: {self.name!r} becomes a topic; use a-z 0-9 _ - (at most 32)"
        if self.name == BRIDGE:
            yield f"name: {self.name!r} is what the gateway itself is called over MQTT"
        if not 0.5 <= self.stall_s <= 60:  # noqa: PLR2004 (the message says them)
            yield f"stall_s: {self.stall_s} is not between 0.5 and 60"


@dataclass(frozen=True, slots=True, kw_only=True)
class StagingConfig:
    """Which model scores, and under which mains."""

    model: str = "default"
    mains_hz: Literal[50, 60] = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionsConfig:
    """Rules of when a session begins, ends and is resumed.

    Attributes
    ----------
    auto_start : str
        ``"on_head"``, ``"always"`` with the first samples, ``"never"`` unasked.
    auto_stop_after_min : float or None
        A night ends when nothing could be scored for so long, or with ``"always"``
        when no samples came; None: only when asked to.
    resume_min : float
        After a crash, a restart or a reboot a night goes on unless it took longer;
        0: never.
    """

    auto_start: Literal["on_head", "always", "never"] = "on_head"
    auto_stop_after_min: float | None = 60.0
    resume_min: float = 60.0

    def problems(self) -> Iterator[str]:
        """Yield what the types cannot say."""
        stop_min = self.auto_stop_after_min
        if stop_min is not None and not 1 <= stop_min <= 1440:  # noqa: PLR2004 (said)
            yield f"auto_stop_after_min: {stop_min}; give 1 to 1440, or null"
        if not 0 <= self.resume_min <= 1440:  # noqa: PLR2004 (the message says them)
            yield f"resume_min: {self.resume_min}; give 0 to 1440"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogConfig:
    """Log level of the daemon."""

    level: Literal["debug", "info", "warning", "error"] = "info"


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The whole file; each section of `outputs` is parsed by its sink's options.

    There may be no headband yet: one can be looked for and paired all the same.
    """

    devices: tuple[DeviceConfig, ...] = ()
    ble: BleConfig = field(default_factory=BleConfig)
    staging: StagingConfig = field(default_factory=StagingConfig)
    session: SessionsConfig = field(default_factory=SessionsConfig)
    outputs: Mapping[str, object] = field(default_factory=dict)
    log: LogConfig = field(default_factory=LogConfig)

    def problems(self) -> Iterator[str]:
        """Yield what the types cannot say."""
        seen = [device.name for device in self.devices]
        for name in sorted({name for name in seen if seen.count(name) > 1}):
            yield f"devices: two are called {name!r}; their topics would mix"
        auto = [device.driver for device in self.devices if device.address == "auto"]
        for driver in sorted({driver for driver in auto if auto.count(driver) > 1}):
            yield (
                f"devices: two {driver} headbands with address auto; they would be "
                "taken for each other (sleepgate find tells the addresses)"
            )
