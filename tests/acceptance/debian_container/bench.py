"""What the checks share: the container, the packages, and how the daemon is asked."""

import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from tests.acceptance.debian_container.container import Container, ContainerError

CHECKOUT = "/opt/given/checkout"
PEER = "/opt/given/peer/bin/python"
CONFIG = "/etc/sleepgate/sleepgate.yaml"
# the container shares the network of its host, where there may be brokers
PORT = 20_000 + os.getpid() % 10_000
MQTT = f"{{host: 127.0.0.1, port: {PORT}}}"
NIGHT = f"""devices:
  - name: bedroom
    driver: diy
outputs:
  mqtt: {MQTT}
  edf: {{}}
log:
  level: debug
"""
DROP_IN = "/etc/systemd/system/sleepgate.service.d"
# what a run leaves anyway: logs, caches, lists of what is installed, the clock
VOLATILE = (
    *("/proc", "/sys", "/dev", "/run", "/tmp", "/var/tmp", "/root"),  # noqa: S108
    *("/var/log", "/var/cache", "/var/lib/apt", "/var/lib/dpkg", "/var/lib/systemd"),
    *("/opt/given", "/usr/lib/python3", "/usr/share/python3"),
)
# and what shadow and ldconfig write anew: backups of what was before, a cache
REWRITTEN = re.compile(r"/etc/(passwd-|group-|g?shadow-|ld\.so\.cache|sub[gu]id-?)$")


class Check(NamedTuple):
    """One of them: what is so, and what finds out; returns a note."""

    name: str
    run: "Callable[[Bench], str]"


def check(name: str) -> "Callable[[Callable[[Bench], str]], Check]":
    """Make a check of a function."""
    return lambda function: Check(name, function)


@dataclass
class Bench:
    """One container, and what lies in it under /opt/given.

    Attributes
    ----------
    box : Container
    deb, newer : str
        Paths in it of the package and of a newer one.
    """

    box: Container
    deb: str
    newer: str

    def configure(self, text: str) -> None:
        """Replace the configuration; its mode and owner stay."""
        self.write(CONFIG, text)

    def write(self, path: str, text: str) -> None:
        """Write a file."""
        there = self.box.root / path.lstrip("/")
        there.parent.mkdir(parents=True, exist_ok=True)
        there.write_text(text)

    def drop_in(self, name: str, text: str) -> None:
        """Change the unit as an administrator would."""
        self.write(f"{DROP_IN}/{name}.conf", text)
        self.box.run("systemctl daemon-reload")

    def pid(self) -> str:
        """Return the daemon's process number."""
        return self.box.show("MainPID")["MainPID"]

    def journal(self, *more: str) -> list[dict[str, Any]]:
        """Return the entries of the unit, as the journal keeps them."""
        self.box.run("journalctl --sync")
        options = " ".join(more)
        out = self.box.run(f"journalctl -u sleepgate -o json --no-pager {options}")
        return [json.loads(line) for line in out.splitlines() if line.startswith("{")]

    def said(self, words: str, since: str) -> bool:
        """Tell whether the unit has said `words` since cursor `since`."""
        entries = self.journal(f"--after-cursor='{since}'")
        return any(words in str(entry.get("MESSAGE")) for entry in entries)

    def now(self) -> str:
        """Return the journal's place."""
        out = self.box.run("journalctl -n 1 --show-cursor -q --no-pager")
        return out.rpartition("-- cursor: ")[2].strip()

    def active(self) -> bool:
        """Tell whether systemd has heard READY=1 of the process that runs."""
        return self.box.show("ActiveState", "SubState") == {
            "ActiveState": "active",
            "SubState": "running",
        }

    def restarts_after(self, fault: str, timeout_s: float) -> float:
        """Do `fault` to the process $PID; return seconds until another one is ready."""
        before = self.pid()
        self.box.run(f"PID={before}; {fault}")
        return self.box.until(
            lambda: self.pid() not in ("0", before) and self.active(),
            timeout_s,
            f"another process after: {fault}",
        )

    def document(self, command: str, *statuses: int) -> dict[str, Any]:
        """Return the JSON a command prints; it ends with one of `statuses`, or 0."""
        rc, out = self.box.attempt(f"{command} 2>/dev/null")
        if rc not in (statuses or (0,)):
            raise ContainerError(f"{command}: exit status {rc}: {out[-1500:]}")
        document: dict[str, Any] = json.loads(out)
        return document

    def epochs(self) -> list[tuple[str, int, str]]:
        """Return session, number and stage of every epoch in the journal."""
        return [
            (entry["SESSION"], int(entry["EPOCH"]), entry["STAGE"])
            for entry in self.journal()
            if "STAGE" in entry
        ]

    def tree(self) -> set[str]:
        """Return every file that is not volatile, with mode, owner and content."""
        pruned = " -o ".join(f"-path {path}" for path in VOLATILE)
        shown = "-printf '%p %y %m %u %g %l\\n'"
        lines = self.box.run(f"find / \\( {pruned} \\) -prune -o {shown}").splitlines()
        files = "-type f -not -name '*.pyc' -exec sha256sum {} +"
        lines += self.box.run(f"find / \\( {pruned} \\) -prune -o {files}").splitlines()
        return {
            line
            for line in lines
            if not REWRITTEN.match(line.split("  ")[-1].split(" ")[0])
            and "__pycache__" not in line
        }


def expect(fact: object, what: str) -> None:
    """Raise `ContainerError` unless `fact`."""
    if not fact:
        raise ContainerError(what)


@contextmanager
def dropped_in(bench: Bench, text: str) -> Iterator[None]:
    """Change the unit while entered."""
    bench.drop_in("test", text)
    try:
        yield
    finally:
        bench.box.run(f"rm -r {DROP_IN}; systemctl daemon-reload")


def given(root: Path, *files: Path) -> list[str]:
    """Copy files into the container; return where they are there."""
    folder = root / "opt/given"
    folder.mkdir(parents=True, exist_ok=True)
    for file in files:
        (folder / file.name).write_bytes(file.read_bytes())
    return [f"/opt/given/{file.name}" for file in files]


def broker(bench: Bench, *lines: str) -> None:
    """Start mosquitto with these settings, or anew with other ones."""
    listener = f"listener {PORT} 127.0.0.1"
    text = "\n".join([listener, *lines, ""])
    bench.write("/etc/mosquitto/conf.d/test.conf", text)
    bench.box.run("systemctl reset-failed mosquitto; systemctl restart mosquitto")


def ready_s(bench: Bench) -> float:
    """Return how long the daemon took from its start to READY=1."""
    began, ready = "ExecMainStartTimestampMonotonic", "ActiveEnterTimestampMonotonic"
    shown = bench.box.show(began, ready)
    return (int(shown[ready]) - int(shown[began])) / 1e6
