"""The daemon as a service of systemd, where no Debian package brought it."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from stat import S_IXOTH

from gateway.errors import ConfigError
from gateway.install.steps import MakeFolder, RemovePath, RunProgram, Step, WriteFile

NAME = "sleepgate"
UNIT = f"{NAME}.service"
PACKAGED = "/usr/bin/sleepgate"  # the program of the unit as it ships
RUNNING = Path("/run/systemd/system")  # sd_booted(3)
HOMES = ("/home", "/root", "/run/user")  # of which ProtectHome= leaves nothing to see
TWICE = (
    "the Debian package has installed the service already; remove one of the two "
    "first: sudo apt remove sleepgate"
)
NO_SYSTEMD = (
    "systemd does not run this machine: have `sleepgate run` started by what does, as "
    "a user of its own"
)
FOR_ALL = (
    "install it for the whole machine: "
    "in the clone, sudo PIPX_HOME=/opt/pipx PIPX_BIN_DIR=/usr/local/bin pipx install ."
)


def shipped(name: str) -> str:
    """Return a file of the package, e.g. ``"install/unit/sleepgate.service"``."""
    return (files("gateway") / name).read_text(encoding="utf-8")


@dataclass(frozen=True)
class Installation:
    """Folders and files of an installation.

    Parameters
    ----------
    program : Path
        What the unit starts.
    root : Path
        Of the tree; seen from there is `program`.
    runs : bool
        Whether systemd runs it, so that the daemon can be started.
    """

    program: Path
    root: Path = Path("/")
    runs: bool = True

    @property
    def unit(self) -> Path:
        """The unit's file."""
        return self.root / "etc/systemd/system" / UNIT

    @property
    def configuration(self) -> Path:
        """The folder of the configuration."""
        return self.root / "etc" / NAME

    @property
    def state(self) -> Path:
        """The folder of journal and recordings."""
        return self.root / "var/lib" / NAME

    @property
    def _at(self) -> tuple[str, ...]:
        return () if self.runs else (f"--root={self.root}",)

    def check(self) -> None:
        """See beforehand whether it can be.

        Raises
        ------
        ConfigError
            Naming what is in the way and the next step.
        """
        if self.runs:
            check_systemd()
            check_root(self.program)
        if (self.root / "usr/lib/systemd/system" / UNIT).exists():
            raise ConfigError([TWICE])
        if why := unreachable(self.program, self.root):
            raise ConfigError([f"{self.program}: {why}; {FOR_ALL}"])

    def install(self) -> Iterator[Step]:
        """Yield what makes the service; one after the other is to be done."""
        users = shipped(f"install/unit/{NAME}.sysusers")
        yield RunProgram(
            ("systemd-sysusers", *self._at, "-"), users, unless=self._gid() is not None
        )
        gid = self._gid() or 0
        yield MakeFolder(self.configuration, 0o750, gid)
        file = self.configuration / "sleepgate.yaml"
        yield WriteFile(
            file, shipped("config/sleepgate.yaml"), 0o640, gid, only_new=True
        )
        unit = WriteFile(self.unit, self._unit_text(), 0o644)
        is_new = not unit.is_done
        yield unit
        if self.runs:
            yield RunProgram(("systemctl", "daemon-reload"), unless=not is_new)
        yield RunProgram(
            ("systemctl", *self._at, "enable", UNIT), unless=self._is_enabled()
        )
        if self.runs:
            yield RunProgram(("systemctl", "restart" if is_new else "start", UNIT))

    def uninstall(self, *, purge: bool) -> Iterator[Step]:
        """Yield what removes it, and with `purge` all it knew and recorded.

        A configuration that nobody has changed goes in any case, and the user if
        nothing is left that belongs to it.
        """
        there = self.unit.exists()
        now = ("--now",) if self.runs else ()
        yield RunProgram(
            ("systemctl", *self._at, "disable", *now, UNIT), unless=not there
        )
        yield RemovePath(self.unit)
        if self.runs:
            yield RunProgram(("systemctl", "daemon-reload"), unless=not there)
        folders = [self.configuration] if purge or self._is_untouched() else []
        folders += [self.state] if purge or not _entries(self.state) else []
        yield from map(RemovePath, folders)
        if folders != [self.configuration, self.state]:
            return
        prefix = () if self.runs else ("--prefix", str(self.root))
        yield RunProgram(("userdel", *prefix, NAME), unless=not self._in("passwd"))
        yield RunProgram(("groupdel", *prefix, NAME), unless=not self._in("group"))

    def left(self) -> list[Path]:
        """Return what of the service's own is on the machine."""
        return [
            path
            for path in (self.unit, self.configuration, self.state)
            if path.exists()
        ]

    def _unit_text(self) -> str:
        text = shipped(f"install/unit/{UNIT}")
        return text.replace(f"ExecStart={PACKAGED} ", f"ExecStart={self.program} ")

    def _is_enabled(self) -> bool:
        wants = self.unit.parent / "multi-user.target.wants" / UNIT
        return os.path.lexists(wants)

    def _is_untouched(self) -> bool:
        if _entries(self.configuration) != ["sleepgate.yaml"]:
            return not _entries(self.configuration)
        file = self.configuration / "sleepgate.yaml"
        return file.read_text(encoding="utf-8") == shipped("config/sleepgate.yaml")

    def _gid(self) -> int | None:
        line = self._in("group")
        return int(line.split(":")[2]) if line else None

    def _in(self, database: str) -> str:
        """Return the line of our user or group, of this tree and no other."""
        file = self.root / "etc" / database
        lines = file.read_text().splitlines() if file.exists() else []
        return next((line for line in lines if line.startswith(f"{NAME}:")), "")


def check_systemd() -> None:
    """Raise `ConfigError` unless systemd runs this machine."""
    if not RUNNING.is_dir():
        raise ConfigError([NO_SYSTEMD])


def check_root(program: Path) -> None:
    """Raise `ConfigError` unless this is root."""
    if os.geteuid() != 0:
        raise ConfigError([f"this is for root: sudo {program} service ..."])


def unreachable(program: Path, root: Path = Path("/")) -> str:
    """Say why a service in `root` could not start `program`; nothing if it could."""
    there = root / program.relative_to("/")
    if not there.exists():
        return "there is no such program"
    real = there.resolve()
    for home in HOMES:
        if program.is_relative_to(home) or real.is_relative_to(home):
            return f"the service sees nothing of {home}"
    for folder in real.parents:
        if folder.is_relative_to(root) and not folder.stat().st_mode & S_IXOTH:
            return f"not everybody may enter {folder}"
    return ""


def _entries(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir()) if folder.exists() else []
