"""Support bundle: findings, configuration, status and log in a zip, redacted."""

import getpass
import json
import os
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from gateway import __version__, sinks
from gateway.config.file import read_document
from gateway.config.secret_tags import LeftSecretLoader, Secret
from gateway.control_socket.client import ask
from gateway.control_socket.messages import ControlRequest
from gateway.daemon.effective_config import effective, effective_yaml
from gateway.daemon.validate_config import check_config
from gateway.doctor.redaction import Anonymiser
from gateway.doctor.report import Finding, doctor_document
from gateway.doctor.target import Target, output_of
from gateway.errors import ConfigError, GatewayError
from gateway.host.metrics import host_name

LOG_LINES = "2000"
OUR_TOPIC = "sleepgate"
NAMES_IN_KEYS = {
    "name": "device",
    "username": "user",
    "host": "broker",
    "base_topic": "topic",
}
UNKNOWN = """Left out: the configuration cannot be read, so the names to remove from the
log are not known.
"""
README = """Made by `sleepgate doctor --bundle`. Look through it before you send it on.

Addresses, host, user and headband names, passwords and IP addresses were replaced;
the same is replaced by the same.
"""


def write_bundle(path: Path, target: Target, findings: Sequence[Finding]) -> None:
    """Write the zip; only its owner may read it.

    Raises
    ------
    ConfigError
        If it cannot be written.
    """
    known = _known(target)
    hide = anonymiser_for(known)
    document = doctor_document(findings, __version__, datetime.now(UTC))
    texts = {
        "README.txt": README,
        "doctor.json": _json(hide.tree(document)),
        "configuration.yaml": hide.text(_configuration(target)),
        "status.json": _json(hide.tree(_status(target))),
        "versions.json": _json(dict(_versions())),
        "log.txt": hide.text(_log()) if known is not None else UNKNOWN,
    }
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as file, zipfile.ZipFile(file, "w") as bundle:
            for name, text in texts.items():
                bundle.writestr(name, text, zipfile.ZIP_DEFLATED)
    except OSError as error:
        raise ConfigError([f"{path}: cannot be written: {error.strerror}"]) from error


def anonymiser_for(tree: object) -> Anonymiser:
    """Collect the names and secrets to redact: of this machine, its user, its sleepers.

    Parameters
    ----------
    tree : object
        The decoded configuration, right or wrong.
    """
    host = host_name()
    names = {kind: set[str]() for kind in ("host", "user", "device", "broker", "topic")}
    names["host"] |= {host, host.partition(".")[0]}
    names["user"] |= {getpass.getuser(), os.environ.get("SUDO_USER", "")}
    names["user"].add(Path.home().name)
    secrets: set[str] = set()
    for key, value in _leaves(tree, ""):
        if isinstance(value, Secret) or key in hidden_keys():
            secrets.add(value)
        elif key in NAMES_IN_KEYS and value != OUR_TOPIC:
            names[NAMES_IN_KEYS[key]].add(value)
    return Anonymiser(secrets, names)


def hidden_keys() -> set[str]:
    """Return the names of the options, of any output, whose values are secret."""
    kinds: list[Any] = [sink.options for sink in sinks.load_all()]
    return {spec.name for kind in kinds for spec in fields(kind) if not spec.repr}


def _leaves(tree: object, key: str) -> Iterator[tuple[str, str]]:
    if isinstance(tree, Mapping):
        for name, each in tree.items():
            yield from _leaves(each, str(name))
    elif isinstance(tree, list):
        for each in tree:
            yield from _leaves(each, key)
    elif tree is not None and not isinstance(tree, bool):
        yield key, tree if isinstance(tree, str) else str(tree)


def _known(target: Target) -> object | None:
    """Return the decoded configuration; None if it cannot be decoded at all."""
    try:
        return read_document(target.file).tree or {}
    except ConfigError:
        pass
    try:  # at least the names, where its secrets cannot be read
        return read_document(target.file, LeftSecretLoader).tree or {}
    except ConfigError:
        return None


def _configuration(target: Target) -> str:
    try:
        config = check_config(target.file, LeftSecretLoader)
    except ConfigError as error:
        return "".join(f"# {problem}\n" for problem in error.problems)
    return effective_yaml(effective(config))


def _status(target: Target) -> Mapping[str, Any]:
    try:
        return ask(target.socket, ControlRequest("status"))
    except GatewayError as error:
        return {"error": str(error)}


def _versions() -> Iterator[tuple[str, str]]:
    for each in sorted(metadata.distributions(), key=lambda d: d.metadata["Name"]):
        yield each.metadata["Name"], each.version


def _log() -> str:
    output = output_of(
        *("journalctl", "--unit=sleepgate", f"--lines={LOG_LINES}"),
        *("--output=short-iso", "--no-hostname", "--no-pager", "--quiet"),
    )
    return (
        output
        or "The log cannot be read here; run the doctor with sudo on the gateway.\n"
    )


def _json(tree: Mapping[str, Any]) -> str:
    return json.dumps(tree, indent=2, ensure_ascii=False) + "\n"
