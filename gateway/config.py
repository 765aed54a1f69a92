"""The configuration: its schema as frozen dataclasses, and every problem at once."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, field, fields, is_dataclass
from difflib import get_close_matches
from types import UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from gateway.errors import ConfigError

T = TypeVar("T")

VOLT_UV = 1e6
SLUG = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ble:
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
class Device:
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
        if not 0.5 <= self.stall_s <= 60:  # noqa: PLR2004 (the message says them)
            yield f"stall_s: {self.stall_s} is not between 0.5 and 60"


@dataclass(frozen=True, slots=True, kw_only=True)
class Staging:
    """Which model scores, and under which mains."""

    model: str = "default"
    mains_hz: Literal[50, 60] = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """How much the daemon says."""

    level: Literal["debug", "info", "warning", "error"] = "info"


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The whole file; each section of `outputs` is parsed by its sink's options.

    There may be no headband yet: one can be looked for and paired all the same.
    """

    devices: tuple[Device, ...] = ()
    ble: Ble = field(default_factory=Ble)
    staging: Staging = field(default_factory=Staging)
    outputs: Mapping[str, object] = field(default_factory=dict)
    log: Log = field(default_factory=Log)

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


def parse(tree: object, into: type[T], path: str = "") -> T:
    """Build `into`, a frozen dataclass, from a decoded YAML mapping.

    Nothing is coerced: ``'30'`` is not 30.

    Parameters
    ----------
    tree : object
        What the YAML reader made of the file or section.
    into : type
        Dataclass; its fields and their types are the schema. A method `problems`
        may yield what types cannot say.
    path : str
        Dotted path of `tree` in the file, for messages; ends in a dot if not empty.

    Raises
    ------
    ConfigError
        Listing all unknown keys, missing keys and wrong values, with their paths.
    """
    problems: list[str] = []
    built = _build(tree, into, path, problems)
    if built is None:
        raise ConfigError(problems)
    return built


def _build(tree: object, into: type[T], path: str, problems: list[str]) -> T | None:
    """Return `into`, or None after adding to `problems`."""
    if not isinstance(tree, Mapping):
        where = path.rstrip(".") or "the file"
        problems.append(f"{where}: expected a section, got {tree!r}")
        return None
    known = {f.name: f for f in fields(into)}  # type: ignore[arg-type] # a dataclass
    hints = get_type_hints(into)
    n_before = len(problems)
    for key in sorted(map(str, tree.keys() - known.keys())):
        near = get_close_matches(key, known, n=1)
        problems.append(f"{path}{key}: unknown key" + (f"; {near[0]}?" if near else ""))
    values: dict[str, Any] = {}
    for name, spec in known.items():
        if name in tree:
            found = _value(tree[name], hints[name], f"{path}{name}", problems)
            values[name] = found
        elif _required(spec):
            problems.append(f"{path}{name}: missing")
    if len(problems) > n_before:
        return None
    built = into(**values)
    check = getattr(built, "problems", None)
    if check is not None:
        problems += [f"{path}{problem}" for problem in check()]
    return built if len(problems) == n_before else None


def _value(tree: object, kind: Any, path: str, problems: list[str]) -> object:  # noqa: ANN401 (a type form)
    if is_dataclass(kind) and isinstance(kind, type):
        return _build(tree, kind, f"{path}.", problems)
    origin, args = get_origin(kind), get_args(kind)
    if origin is UnionType and isinstance(tree, Mapping):
        for choice in filter(is_dataclass, args):
            return _value(tree, choice, path, problems)
    if origin is tuple:
        return _items(tree, args[0], path, problems)
    if origin is Mapping:
        return _mapping(tree, args[1], path, problems)
    if not _fits(tree, kind):
        problems.append(f"{path}: expected {_said(kind)}, got {tree!r}")
    return float(tree) if kind is float and isinstance(tree, int) else tree


def _items(
    tree: object,
    kind: Any,  # noqa: ANN401 (a type form)
    path: str,
    problems: list[str],
) -> tuple[object, ...]:
    if tree is None:  # every item is commented out
        return ()
    if not isinstance(tree, Sequence) or isinstance(tree, str):
        problems.append(f"{path}: expected a list, got {tree!r}")
        return ()
    return tuple(
        _value(item, kind, f"{path}[{at}]", problems) for at, item in enumerate(tree)
    )


def _mapping(
    tree: object,
    kind: Any,  # noqa: ANN401 (a type form)
    path: str,
    problems: list[str],
) -> Mapping[str, object]:
    if not isinstance(tree, Mapping):
        problems.append(f"{path}: expected a section, got {tree!r}")
        return {}
    return {
        str(key): _value(value, kind, f"{path}.{key}", problems)
        for key, value in tree.items()
    }


def _fits(value: object, kind: Any) -> bool:  # noqa: ANN401 (a type form)
    if kind is object:
        return True
    if get_origin(kind) is Literal:
        return any(
            value == choice and type(value) is type(choice) for choice in get_args(kind)
        )
    if get_origin(kind) in {Union, UnionType}:
        return any(_fits(value, choice) for choice in get_args(kind))
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, (int, float) if kind is float else kind)


def _said(kind: Any) -> str:  # noqa: ANN401 (a type form)
    if get_origin(kind) is Literal:
        return " or ".join(str(choice) for choice in get_args(kind))
    if get_origin(kind) in {Union, UnionType}:
        return " or ".join(_said(choice) for choice in get_args(kind))
    return "nothing" if kind is type(None) else str(kind.__name__)


def _required(spec: Field[Any]) -> bool:
    return spec.default is MISSING and spec.default_factory is MISSING
