"""Somebody outside the group, without sudo, is told so; no traceback is an answer."""

import os
from pathlib import Path

import pytest

from gateway.errors import AS_WHOM
from gateway.host.metrics import is_there


@pytest.fixture
def service(tmp_path, monkeypatch):
    """A service's folders that this user, were it not root, could not look into."""
    folder = tmp_path / "service"
    folder.mkdir()

    def forbidden(path):
        if folder in Path(path).parents:
            raise PermissionError(13, "Permission denied", str(path))

    for name in ("stat", "open"):
        real = getattr(Path, name)

        def watched(self, *args, real=real, **options):
            forbidden(self)
            return real(self, *args, **options)

        monkeypatch.setattr(Path, name, watched)
    real_access = os.access
    monkeypatch.setattr(
        "os.access",
        lambda path, mode: folder not in Path(path).parents and real_access(path, mode),
    )
    for module, path in {
        "paths": "sleepgate.yaml",
        "offline.find_night": "journal.sqlite",
    }.items():
        monkeypatch.setattr(f"gateway.{module}.SERVICE", folder / path)
    monkeypatch.setattr("gateway.control_socket.socket_path.SERVICE", folder)
    monkeypatch.setattr("gateway.commands.journal.SERVICE", folder / "journal.sqlite")
    return folder


def test_what_may_not_be_looked_for_is_there(service):
    assert is_there(service / "x")
    assert not is_there(service.parent / "x")


@pytest.mark.parametrize(
    "words",
    [
        ("journal", "ls"),
        ("report",),
        ("config", "check"),
        ("config", "show"),
        ("devices",),
        ("find",),
        ("run",),
    ],
)
def test_a_verb_says_who_may(service, in_process, words):
    code, out, err = in_process(*words)
    assert (code in {1, 2}, out) == (True, "")
    assert "Permission denied" in err
    assert AS_WHOM in err
    assert "Traceback" not in err


@pytest.mark.integration
def test_the_doctor_goes_on_without_the_configuration(service, in_process):
    _, out, _ = in_process("doctor", "--json")
    assert f"this user may not read {service}/sleepgate.yaml" in out
