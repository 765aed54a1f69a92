"""The clock of a machine whose time chrony or ntpsec keeps, seen from the sandbox."""

import sys

import pytest

from gateway.host import metrics
from gateway.host.timedated import ASK_EVERY_S, Timedated


def answering(text):
    return (sys.executable, "-c", f"print({text!r})")


@pytest.mark.parametrize(("text", "known"), [("yes", True), ("no", False), ("", False)])
def test_what_timedatectl_prints_is_understood(text, known):
    assert Timedated(answering(text)).synchronised(0.0) is known


def test_it_is_asked_once_a_minute_until_it_says_yes(tmp_path):
    count = tmp_path / "count"
    script = (
        "import pathlib, sys; p = pathlib.Path(sys.argv[1]);"
        "n = len(p.read_bytes()) + 1 if p.exists() else 1; p.write_bytes(b'x' * n);"
        "print('yes' if n == 2 else 'no')"
    )
    clock = Timedated((sys.executable, "-c", script, str(count)))
    times_s = [0.0, 1.0, ASK_EVERY_S - 1, ASK_EVERY_S, 2 * ASK_EVERY_S, 1e6]
    answers = [clock.synchronised(t_s) for t_s in times_s]
    assert answers == [False, False, False, True, True, True]
    assert count.read_bytes() == b"xx"


def test_a_machine_without_systemd_does_not_know():
    assert not Timedated(("/no/such/timedatectl",)).synchronised(0.0)


@pytest.mark.parametrize(
    ("file", "error_us", "known"),
    [(True, None, True), (False, 5, True), (False, 16_000_000, False)],
)
def test_timesyncd_s_file_or_the_kernel_says_so(
    tmp_path, monkeypatch, file, error_us, known
):
    flag = tmp_path / "timesync" / "synchronized"
    if file:
        flag.parent.mkdir()
        flag.touch()
    monkeypatch.setattr(metrics, "SYNCHRONISED", flag)
    monkeypatch.setattr(metrics, "_kernel_error_us", lambda: error_us)
    assert metrics.clock_synchronised() is known


@pytest.mark.parametrize("has_timesyncd", [True, False])
def test_behind_a_sandbox_timedated_is_asked_where_there_is_no_timesyncd(
    tmp_path, monkeypatch, has_timesyncd
):
    flag = tmp_path / "timesync" / "synchronized"
    if has_timesyncd:
        flag.parent.mkdir()
    monkeypatch.setattr(metrics, "SYNCHRONISED", flag)
    monkeypatch.setattr(metrics, "_kernel_error_us", lambda: None)
    monkeypatch.setattr("gateway.host.timedated.TIMEDATED", Timedated(answering("yes")))
    assert metrics.clock_synchronised() is not has_timesyncd
