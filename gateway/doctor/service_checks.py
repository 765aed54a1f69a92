"""Checks of the configuration, the systemd service and the running daemon."""

import os
from collections.abc import Iterator, Mapping
from typing import Any

from gateway.control_socket.client import ask
from gateway.control_socket.messages import ControlRequest
from gateway.doctor.report import Finding, broken, good, skipped, warning
from gateway.doctor.target import Target, output_of
from gateway.errors import GatewayError, NoDaemonError
from gateway.host.metrics import is_there
from gateway.own_command import pair_command
from gateway.reports.status_text import RESTART, fault_text

LOG = "journalctl -u sleepgate -n 50"


def config_findings(target: Target) -> Iterator[Finding]:
    """List every problem of the configuration."""
    if not is_there(target.file):
        words = f"there is no configuration {target.file} yet"
        yield broken("configuration", words, pair_command(target.file))
        return
    if not os.access(target.file, os.R_OK):
        words = f"not checked: this user may not read {target.file}"
        yield skipped("configuration", words, "sudo sleepgate doctor")
        return
    for problem in target.problems:
        step = f"edit {target.file}, then run sleepgate config check {target.file}"
        yield broken("configuration", problem, step)
    if target.config is not None:
        names = ", ".join(device.name for device in target.config.devices)
        if names:
            yield good("configuration", f"{target.file}: good ({names})")
        else:
            words = f"{target.file} has no headband yet: nothing will be recorded"
            yield warning("configuration", words, pair_command(target.file))


def service_findings() -> Iterator[Finding]:
    """Check that systemd runs the daemon, and starts it after a reboot."""
    state = output_of("systemctl", "is-active", "sleepgate")
    if not state or state == "offline":
        step = "start the daemon by hand: sleepgate run"
        yield skipped("service", "not checked: systemd does not run here", step)
        return
    enabled = output_of("systemctl", "is-enabled", "sleepgate")
    if state == "failed":
        yield broken(
            "service", "the service failed", f"{LOG} shows why; then {RESTART}"
        )
    elif state not in ("active", "activating", "reloading"):
        step = "sudo systemctl enable --now sleepgate"
        if not enabled:
            step = "sudo sleepgate service install, or the Debian package"
        yield warning(
            "service", f"the service is {state} ({enabled or 'not installed'})", step
        )
    elif enabled != "enabled":
        step = "sudo systemctl enable sleepgate"
        yield warning(
            "service",
            f"the service is {state}, but will not start after a reboot",
            step,
        )
    else:
        yield good("service", f"the service is {state} and {enabled}")


def daemon_findings(target: Target) -> Iterator[Finding]:
    """Ask the daemon for its status, and check its headbands and outputs."""
    try:
        status = ask(target.socket, ControlRequest("status"))
    except NoDaemonError as error:
        words, _, step = str(error).partition("\nnext: ")
        yield warning("daemon", words, step or LOG)
        return
    except GatewayError as error:
        yield warning("daemon", f"the daemon refused to give its status: {error}", LOG)
        return
    yield good("daemon", f"version {status['version']} answers at {target.socket}")
    yield from _reload(status)
    for fault in status.get("faults", []):
        yield warning("daemon", fault_text(fault), LOG)
    for device in status["devices"]:
        yield _device(device)
    for output in status["outputs"]:
        yield _output(output)


def _reload(status: Mapping[str, Any]) -> Iterator[Finding]:
    if sections := ", ".join(status["restart_required"]):
        yield warning(
            "restart", f"changed, but not in use before a restart: {sections}", RESTART
        )
    for problem in status["config_problems"]:
        step = (
            "correct it (sleepgate config check), then sudo systemctl reload sleepgate"
        )
        yield broken(
            "reload", f"the changed configuration is not in use: {problem}", step
        )


def _device(device: Mapping[str, Any]) -> Finding:
    words = f"{device['name']}: {device['link']}, {device['reason']}"
    if device["online"]:
        return good("headband", words)
    step = "switch the headband on and bring it near, then sleepgate find; for the "
    step += "adapter, sleepgate doctor --ble"
    return warning("headband", words, step)


def _output(output: Mapping[str, Any]) -> Finding:
    words = f"{output['name']}: {output['words']}"
    if output["well"]:
        return good("output", words)
    step = "sleepgate doctor --mqtt" if output["name"] == "mqtt" else LOG
    return warning("output", words, step)
