"""``sleepgate status`` while daemons come and go."""

import json

import pytest

from gateway.commands import status
from gateway.errors import NoDaemonError


@pytest.fixture
def daemon_answers(monkeypatch):
    """Set what the daemon answers to each look in turn; after that comes Ctrl-C."""

    def answers(*turns):
        left = iter(turns)

        def ask(_socket, _request):
            for answer in left:
                if isinstance(answer, Exception):
                    raise answer
                return answer
            raise KeyboardInterrupt

        monkeypatch.setattr(status, "ask", ask)
        monkeypatch.setattr("time.sleep", lambda _pause_s: None)

    return answers


GONE = NoDaemonError("no daemon runs: nobody is at /x\nnext: start it")


def test_watching_waits_for_a_daemon_that_is_started_again(
    in_process, daemon_answers, monkeypatch
):
    monkeypatch.setattr(status, "status_lines", lambda answer, zone: [])
    daemon_answers({}, {}, GONE, {})
    code, out, _ = in_process("status", "--watch")
    assert code == 0
    assert "no daemon runs: nobody is at /x; waiting for it" in out


def test_programs_that_watch_get_documents_only(in_process, daemon_answers):
    daemon_answers({"n": 1}, {"n": 2}, GONE, {"n": 3})
    code, out, err = in_process("status", "--watch", "--json")
    assert code == 0
    lines = [json.loads(line) for line in out.splitlines() if line]
    assert lines == [{"n": 2}, {"n": 3}]
    assert "waiting for it" in err


def test_nobody_to_watch_is_an_error(in_process, daemon_answers):
    daemon_answers(GONE)
    code, _, err = in_process("status", "--watch")
    assert code == 1
    assert "next: start it" in err
