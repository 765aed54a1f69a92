"""Plug-ins: modules of a folder of ours, and entry points of other distributions."""

import logging
import sys
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from gateway.errors import ConfigError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

log = logging.getLogger(__name__)
T = TypeVar("T")


class Installed(NamedTuple, Generic[T]):
    """A plug-in of another distribution, or the problem why it cannot be used."""

    name: str
    distribution: str
    plugin: T | None
    problem: str = ""


@dataclass(frozen=True)
class Plugins(Generic[T]):
    """One kind of plug-in: those of the project, and those installed beside it.

    Attributes
    ----------
    package : str
        Each of its modules is a plug-in, e.g. ``"gateway.drivers"``; the group of entry
        points is called after it, ``"sleepgate.drivers"``.
    kind : type
        What a plug-in is an instance of; its `name` is the module's or entry point's.
    attribute : str
        Where a module has it, e.g. ``"DRIVER"``.
    key : str
        Where a configuration asks for it; ``{name}`` stands for its name.
    """

    package: str
    kind: type[T]
    attribute: str
    key: str

    def names(self) -> list[str]:
        """List what can be asked for by name; nothing is imported."""
        return sorted({*self.own_names(), *self._installed()})

    def own_names(self) -> list[str]:
        """List those of the project itself."""
        path = import_module(self.package).__path__
        return sorted(module.name for module in iter_modules(path))

    def load(self, name: str) -> T:
        """Import the plug-in `name`, the project's own before any other.

        Raises
        ------
        ConfigError
            If there is none, listing those there are; or if it cannot be used, naming
            its distribution.
        """
        if name in self.own_names():  # at no cost of looking for others
            own: T = getattr(import_module(f"{self.package}.{name}"), self.attribute)
            return own
        found = self._installed().get(name, [])
        key = self.key.format(name=name)
        if not found:
            there = ", ".join(self.names())
            raise ConfigError([f"{key}: no {name!r}; there are {there}"])
        if len(found) > 1:
            both = " and ".join(map(_distribution, found))
            raise ConfigError([f"{key}: {both} both have a {name!r}; remove one"])
        return self._import(found[0], key)

    def load_all(self) -> list[T]:
        """Import every plug-in; log those that cannot be used, and leave them out."""
        loaded = {name: self.load(name) for name in self.own_names()}
        for each in self.installed():
            if each.plugin is None:
                _warn_once(each.problem)
            else:
                loaded[each.name] = each.plugin
        return [loaded[name] for name in sorted(loaded)]

    def installed(self) -> list[Installed[T]]:
        """Import those of other distributions, and say what is wrong with any."""
        return [
            self._judged(name, point)
            for name, found in sorted(self._installed().items())
            for point in found
        ]

    def _judged(self, name: str, point: "EntryPoint") -> Installed[T]:
        whose = _distribution(point)
        if name in self.own_names():
            problem = (
                f"{self.key.format(name=name)}: {name!r} of {whose} is not used: "
                "sleepgate has one of that name; its author has to choose another"
            )
            return Installed(name, whose, None, problem)
        try:
            return Installed(name, whose, self.load(name))
        except ConfigError as error:
            return Installed(name, whose, None, str(error))

    def _installed(self) -> "dict[str, list[EntryPoint]]":
        return _entry_points(f"sleepgate.{self.package.rsplit('.')[-1]}")

    def _import(self, point: "EntryPoint", key: str) -> T:
        whose = f"{key}: {point.name!r} of {_distribution(point)}"
        try:
            module = point.load()
        except (Exception, SystemExit) as error:  # foreign code may raise anything
            what = f"cannot be imported ({type(error).__name__}: {error})"
            advice = "install what it needs, or remove it"
            raise ConfigError([f"{whose} {what}; {advice}"]) from error
        plugin = getattr(module, self.attribute, None)
        if not isinstance(plugin, self.kind):
            problem = f"{point.value} has no {self.attribute} (docs/plugins.md)"
            raise ConfigError([f"{whose} cannot be used: {problem}"])
        name = getattr(plugin, "name", None)
        if name != point.name:
            problem = f"its {self.attribute} is named {name!r}, its entry point is not"
            raise ConfigError([f"{whose} cannot be used: {problem}"])
        return plugin


@cache
def _warn_once(problem: str) -> None:
    log.warning("%s", problem)


@cache
def _entry_points(group: str) -> "dict[str, list[EntryPoint]]":
    if not any_installed():
        return {}
    from importlib.metadata import entry_points  # noqa: PLC0415 (see `any_installed`)

    found: dict[str, list[EntryPoint]] = {}
    for point in entry_points(group=group):
        found.setdefault(point.name, []).append(point)
    return found


@cache
def any_installed() -> bool:
    """Tell whether any distribution declares plug-ins, of any kind.

    Takes 1 ms; importlib.metadata takes 20 ms to import, and 4 to find nothing.
    """
    for folder in map(Path, sys.path):
        for file in folder.glob("*.*-info/entry_points.txt"):
            if "[sleepgate." in file.read_text("utf-8", "replace"):
                return True
    return False


def _distribution(point: "EntryPoint") -> str:
    dist = point.dist
    return "a distribution" if dist is None else f"{dist.name} {dist.version}"
