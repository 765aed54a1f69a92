"""``sleepgate doctor``: look at everything a night depends on."""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from gateway import __version__
from gateway.cli.options import CONFIG, JSON, SOCKET, examples
from gateway.cli.terminal_output import say
from gateway.daemon.logging_setup import start_talk
from gateway.doctor.report import EXIT_CODES, doctor_document, doctor_lines, worst
from gateway.doctor.run_checks import run_checks, target_of
from gateway.doctor.support_bundle import write_bundle


@examples(
    "sudo sleepgate doctor",
    "sleepgate doctor --mqtt",
    "sudo sleepgate doctor --bundle for-the-issue.zip",
)
@click.command()
@click.option("--ble", is_flag=True, help="Check Bluetooth only.")
@click.option("--mqtt", is_flag=True, help="Check the MQTT broker only.")
@click.option(
    "--bundle",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write findings, configuration, status and log to this zip file, without "
    "addresses, names and secrets.",
)
@CONFIG
@SOCKET
@JSON
def command(  # noqa: PLR0913 (one per option)
    *,
    ble: bool,
    mqtt: bool,
    bundle: Path | None,
    file: Path,
    socket: Path,
    as_json: bool,
) -> None:
    """Check everything that a night depends on; changes nothing.

    Every problem comes with what to do about it. Exit code: 0 all is well, 1 warnings,
    2 something is broken. With sudo it can also read the service's secrets and log.
    """
    start_talk()
    target = target_of(file, socket)
    parts = frozenset(name for name, on in (("ble", ble), ("mqtt", mqtt)) if on)
    findings = list(run_checks(target, parts))
    if as_json:
        document = doctor_document(findings, __version__, datetime.now(UTC))
        click.echo(json.dumps(document, indent=2))
    else:
        say(doctor_lines(findings), sys.stdout)
    if bundle is not None:
        write_bundle(bundle, target, findings)
        click.echo(f"{bundle}: look through it before you send it on", err=True)
    sys.exit(EXIT_CODES.get(worst(findings), 0))
