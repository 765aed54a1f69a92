"""The daemon's fuzzer itself: some cases find nothing, and what is there is found."""

import pytest

from gateway.mqtt import request_handlers
from gateway.printable import printable
from tests.fuzz import __main__ as program
from tests.fuzz import whole_daemon
from tests.fuzz.whole_daemon import FindingError, Tally, run_case

SEED = "1"


def first_finding(folder, cases=range(6)):
    for number in cases:
        folder.joinpath(str(number)).mkdir()
        case = folder / str(number)
        if (finding := run_case(f"{SEED}:{number}", case, Tally())) is not None:
            return finding[0]
    return None


def test_some_cases_find_nothing(tmp_path):
    if (error := first_finding(tmp_path, range(3))) is not None:
        raise error


def test_a_case_is_the_same_again(tmp_path):
    tallies = [Tally(), Tally()]
    for number, tally in enumerate(tallies):
        folder = tmp_path / str(number)
        folder.mkdir()
        assert run_case(f"{SEED}:7", folder, tally) is None
    assert tallies[0].inputs == tallies[1].inputs
    assert tallies[0].inputs["messages"] > 0


def test_a_careless_handler_is_found_out(tmp_path, monkeypatch):
    monkeypatch.setattr(request_handlers, "read_request", lambda *_: 1 / 0)
    assert first_finding(tmp_path) is not None


def test_an_escape_in_the_log_is_found_out(tmp_path, monkeypatch):
    monkeypatch.setattr("gateway.daemon.logging_setup.printable", str)
    assert printable("\x1b") != "\x1b"
    assert isinstance(first_finding(tmp_path, range(12)), FindingError)


def test_a_log_that_outsiders_fill_is_found_out(tmp_path, monkeypatch):
    monkeypatch.setattr(whole_daemon.LogRateLimit, "filter", lambda *_: True)
    assert isinstance(first_finding(tmp_path, range(12)), FindingError)


@pytest.mark.parametrize("found", [False, True])
def test_the_runner_says_how_to_see_it_once_more(tmp_path, monkeypatch, capsys, found):
    monkeypatch.setattr(program, "FINDINGS", tmp_path)
    if found:
        monkeypatch.setattr(request_handlers, "read_request", lambda *_: 1 / 0)
    assert program.run_daemon_cases(1, 30, case=2) == found
    said = capsys.readouterr().out
    assert ("scripts/fuzz --daemon --seed 1 --case 2" in said) is found
    assert (tmp_path / "daemon-1-2.txt").exists() is found
