"""Every check of `sleepgate doctor`, in the order of its report."""

from collections.abc import Iterator
from pathlib import Path

from gateway.daemon.validate_config import check_config
from gateway.doctor.bluetooth_checks import ble_findings
from gateway.doctor.machine_checks import machine_findings
from gateway.doctor.model_checks import model_findings
from gateway.doctor.mqtt_checks import mqtt_findings
from gateway.doctor.report import Finding
from gateway.doctor.service_checks import (
    config_findings,
    daemon_findings,
    service_findings,
)
from gateway.doctor.target import Target
from gateway.errors import ConfigError


def target_of(file: Path, socket: Path) -> Target:
    """Read the configuration as the daemon would."""
    try:
        config = check_config(file)
    except ConfigError as error:
        return Target(file, None, tuple(error.problems), socket)
    return Target(file, config, (), socket)


def run_checks(target: Target, parts: frozenset[str]) -> Iterator[Finding]:
    """Run the checks; yield each finding at once.

    Parameters
    ----------
    target : Target
    parts : frozenset of str
        ``"ble"``, ``"mqtt"`` or both; everything if empty.
    """
    if not parts:
        yield from machine_findings()
        yield from model_findings(target)
    if not parts or target.problems:
        yield from config_findings(target)
    if not parts or "ble" in parts:
        yield from ble_findings(target)
    if not parts or "mqtt" in parts:
        yield from mqtt_findings(target)
    if not parts:
        yield from service_findings()
        yield from daemon_findings(target)
