"""What systemd is told, and what becomes of it when nobody listens."""

import socket

import pytest

from gateway.daemon.systemd_notify import notify


@pytest.fixture
def ear(tmp_path, monkeypatch):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(str(tmp_path / "notify"))
        ear.settimeout(0)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        yield ear


def test_what_is_reported_arrives_in_one_piece(ear):
    notify("READY=1")
    assert ear.recv(99) == b"READY=1"


def test_an_abstract_socket_is_reached_as_well(monkeypatch):
    name = "sleepgate-test-of-notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(f"\0{name}")
        monkeypatch.setenv("NOTIFY_SOCKET", f"@{name}")
        notify("STOPPING=1")
        assert ear.recv(99) == b"STOPPING=1"


def test_who_does_not_listen_holds_nobody_up(ear):
    for _ in range(10_000):
        notify("WATCHDOG=1")
    assert ear.recv(99) == b"WATCHDOG=1"


def test_outside_systemd_nothing_happens(monkeypatch):
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    notify("READY=1")
