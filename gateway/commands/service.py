"""``sleepgate service``: the daemon as a service, where pip or pipx installed it."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from gateway.cli.options import HelpGroup, examples
from gateway.install.installation import (
    NAME,
    UNIT,
    Installation,
    check_root,
    check_systemd,
)
from gateway.install.steps import carry_out
from gateway.own_command import pair_command
from gateway.paths import SERVICE

C = TypeVar("C", bound=Callable[..., object])


@click.group(cls=HelpGroup)
def command() -> None:
    """Install or remove the systemd service without a Debian package."""


def _where(command: C) -> C:
    dry_run = click.option(
        "--dry-run", is_flag=True, help="Print what would be done and change nothing."
    )
    root = click.option(
        "--root",
        type=click.Path(path_type=Path, file_okay=False, exists=True),
        help="Install into this directory tree and start nothing; / in a chroot.",
    )
    program = click.option(
        "--program",
        type=click.Path(path_type=Path),
        default=Path(sys.prefix) / "bin" / NAME,
        help="Program that the service starts.  [default: this program]",
    )
    return dry_run(root(program(command)))


@examples("sudo sleepgate service install", "sleepgate service install --dry-run")
@command.command()
@_where
def install(*, root: Path | None, program: Path, dry_run: bool) -> None:
    """Create user, folders, unit and a first configuration; start the service.

    What is there already stays as it is.
    """
    there = _installation(root, program)
    there.check()
    for words in carry_out(there.install(), really=not dry_run):
        _tell(words, dry_run=dry_run)
    file = there.configuration / "sleepgate.yaml"
    _say(f"{file} configures it\nnext: {pair_command(SERVICE)}")


@examples(
    "sudo sleepgate service uninstall",
    "sudo sleepgate service uninstall --purge",
)
@command.command()
@click.option(
    "--purge", is_flag=True, help="Delete configuration, journal and recordings too."
)
@_where
def uninstall(*, root: Path | None, program: Path, dry_run: bool, purge: bool) -> None:
    """Stop the service and remove what `install` created."""
    there = _installation(root, program)
    if there.runs:
        check_systemd()
        check_root(program)
    for words in carry_out(there.uninstall(purge=purge), really=not dry_run):
        _tell(words, dry_run=dry_run)
    if not dry_run and (left := there.left()):
        _say(f"kept: {', '.join(map(str, left))}; --purge removes this, too")


@examples("sleepgate service status")
@command.command()
def status() -> None:
    """Show the state of the service; exit codes are those of systemctl."""
    check_systemd()
    sys.exit(_shown("systemctl", "status", "--no-pager", "--lines=10", UNIT))


@examples("sleepgate service logs --follow")
@command.command()
@click.option("-f", "--follow", is_flag=True, help="Keep printing new lines.")
@click.option(
    "-n", "--lines", default=50, show_default=True, help="Number of past lines."
)
def logs(*, follow: bool, lines: int) -> None:
    """Show the log of the service."""
    check_systemd()
    more = ("--follow",) if follow else ("--no-pager",)
    sys.exit(_shown("journalctl", f"--unit={NAME}", f"--lines={lines}", *more))


def _installation(root: Path | None, program: Path) -> Installation:
    return Installation(program.absolute(), root or Path("/"), runs=root is None)


def _shown(*words: str) -> int:
    return subprocess.run(words, check=False).returncode  # noqa: S603 (fixed words)


def _tell(words: str, *, dry_run: bool) -> None:
    click.echo(f"would {words}" if dry_run else words)


def _say(words: str) -> None:
    click.echo(words, err=True)
