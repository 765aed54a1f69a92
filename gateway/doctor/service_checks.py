"""Whether the configuration is good, and the daemon runs and does well."""

import os
from collections.abc import Iterator, Mapping
from typing import Any

from gateway.control_socket.client import ask
from gateway.control_socket.messages import ControlRequest
from gateway.doctor.report import Finding, broken, good, skipped, warning
from gateway.doctor.target import Target, said_by
from gateway.errors import GatewayError, NoDaemonError
from gateway.host.metrics import is_there
from gateway.reports.status_text import RESTART

LOG = "journalctl -u sleepgate -n 50"


def config_findings(patient: Target) -> Iterator[Finding]:
    """Tell every problem of the configuration."""
    if not is_there(patient.file):
        step = f"sudo sleepgate config init {patient.file}"
        yield broken("configuration", f"no {patient.file}", step)
        return
    if not os.access(patient.file, os.R_OK):
        words = f"{patient.file}: this user may not read it"
        yield skipped("configuration", words, "sudo sleepgate doctor")
        return
    for problem in patient.problems:
        step = f"edit {patient.file}, then sleepgate config check {patient.file}"
        yield broken("configuration", problem, step)
    if patient.config is not None:
        names = ", ".join(device.name for device in patient.config.devices)
        yield good("configuration", f"{patient.file}: good ({names})")


def service_findings() -> Iterator[Finding]:
    """Ask systemd for its service."""
    state = said_by("systemctl", "is-active", "sleepgate")
    if not state or state == "offline":
        step = "sleepgate run starts the daemon by hand"
        yield skipped("service", "no systemd runs here", step)
        return
    enabled = said_by("systemctl", "is-enabled", "sleepgate")
    if state == "failed":
        yield broken("service", "failed", f"{LOG} says why; then {RESTART}")
    elif state not in ("active", "activating", "reloading"):
        step = "sudo systemctl enable --now sleepgate"
        if not enabled:
            step = "sudo sleepgate service install, or the Debian package"
        yield warning("service", f"{state} ({enabled or 'not installed'})", step)
    elif enabled != "enabled":
        step = "sudo systemctl enable sleepgate"
        yield warning("service", f"{state}, but gone after a reboot", step)
    else:
        yield good("service", f"{state}, {enabled}")


def daemon_findings(patient: Target) -> Iterator[Finding]:
    """Ask the daemon how it does."""
    try:
        status = ask(patient.socket, ControlRequest("status"))
    except NoDaemonError as error:
        words, _, step = str(error).partition("\nnext: ")
        yield warning("daemon", words, step or LOG)
        return
    except GatewayError as error:
        yield warning("daemon", f"it answers only: {error}", LOG)
        return
    yield good("daemon", f"{status['version']} answers at {patient.socket}")
    yield from _waiting(status)
    for device in status["devices"]:
        yield _device(device)
    for output in status["outputs"]:
        yield _output(output)


def _waiting(status: Mapping[str, Any]) -> Iterator[Finding]:
    if sections := ", ".join(status["restart_required"]):
        yield warning("restart", f"changed, but not in use: {sections}", RESTART)
    for problem in status["config_problems"]:
        step = "sleepgate config check, then sudo systemctl reload sleepgate"
        yield broken("reload", f"not in use: {problem}", step)


def _device(device: Mapping[str, Any]) -> Finding:
    words = f"{device['name']}: {device['link']}, {device['reason']}"
    if device["online"]:
        return good("headband", words)
    step = "switch it on, bring it near; sleepgate doctor --ble, sleepgate find"
    return warning("headband", words, step)


def _output(output: Mapping[str, Any]) -> Finding:
    words = f"{output['name']}: {output['words']}"
    if output["well"]:
        return good("output", words)
    step = "sleepgate doctor --mqtt" if output["name"] == "mqtt" else LOG
    return warning("output", words, step)
