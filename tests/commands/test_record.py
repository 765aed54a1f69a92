"""``sleepgate record`` on recordings that are whole, cut off, running, or none."""

import csv
import json
import os

import edfio
import pytest
from click.testing import CliRunner

from gateway.commands.record import command
from gateway.errors import GatewayError
from gateway.recorder import folder as folders
from gateway.recorder.recorder import DiskLimits, Recorder
from gateway.recorder.session_file import FileWriter
from tests.acceptance.recording.kill import record
from tests.acceptance.recording.night import outputs, reading, recording_errors


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    where = tmp_path / "recordings"
    record(where, 0, 95, lambda *_: None)
    return where


def the_file(folder):
    (path,) = folders.recordings(folder)
    return path


def run(*arguments):
    """Return exit status or error, stdout and stderr."""
    result = CliRunner().invoke(command, [str(a) for a in arguments])
    if isinstance(result.exception, GatewayError):
        return str(result.exception), result.stdout, result.stderr
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, result.stdout, result.stderr


def test_ls_shows_what_there_is(folder):
    status, out, err = run("ls")
    assert status == 0
    (line,) = out.splitlines()
    assert line.startswith("2026-02-12_bedroom_01J8ZQ6T5R.edf")
    assert "0:01:35" in line
    assert "3 epochs" in line
    assert line.endswith("ended")
    assert f"1 in {folder}" in err
    (row,) = json.loads(run("ls", "--json")[1])
    assert (row["device"], row["session"]) == ("bedroom", "01J8ZQ6T5R")
    assert row["duration_s"] == 95


def test_ls_of_nothing_is_nothing(tmp_path):
    assert run("ls", "--folder", tmp_path / "absent")[:2] == (0, "")


def test_info_finds_a_recording_by_a_part_of_its_name(folder):
    status, out, _ = run("info", "01J8")
    assert status == 0
    assert "EEG Fpz-Cz" in out
    assert "epochs: 3, scored 3" in out
    told = json.loads(run("info", the_file(folder), "--json")[1])
    assert told["whole"]
    assert [s["sfreq_hz"] for s in told["signals"]] == [100, 100, 1]
    assert told["beside"]["driver"] == "diy"


def test_what_is_cut_off_is_reported_and_mended(folder):
    path = the_file(folder)
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - 300)
    assert "cut off" in run("ls")[1]
    assert "record repair mends it" in run("info", path)[1]
    status, _, err = run("repair", path)
    assert status == 0
    assert "94 whole records" in err
    assert "its header promised 95" in err
    assert "nothing to repair" in run("repair", path)[2]
    assert [*recording_errors(path, [], 94)] == []


def test_what_is_being_recorded_is_read_and_not_mended(folder):
    path = the_file(folder)
    recorder = Recorder(folder, DiskLimits(0, None), FileWriter("test"))
    recorder.begin()
    for _, value in outputs(95, 120):
        recorder.take(reading(value))
    assert json.loads(run("ls", "--json")[1])[0]["state"] == "recording"
    assert run("info", path)[0] == 0
    assert "is being recorded" in run("repair", path)[0]
    os.utime(path, (0, 0))
    assert run("prune", "--keep-days", 1)[1] == ""
    copied = path.with_name("copy.edf")
    assert run("export", path, copied)[0] == 0
    recorder.close()
    assert len(edfio.read_edf(copied).signals[0].digital) == 12_000


def test_a_copy_is_the_same(folder, tmp_path):
    path, copied = the_file(folder), tmp_path / "copy.edf"
    status, _, err = run("export", "bedroom", copied)
    assert (status, err) == (0, f"95 data records in {copied}\n")
    assert copied.read_bytes() == path.read_bytes()
    assert "there already" in run("export", "bedroom", copied)[0]
    assert "end its name in .edf or .csv" in run("export", path, tmp_path / "x.bdf")[0]


def test_an_anonymous_copy_keeps_signal_stages_and_time_of_day(folder, tmp_path):
    path, copied = the_file(folder), tmp_path / "copy.edf"
    assert run("export", path, copied, "--anonymise")[0] == 0
    assert [*recording_errors(copied, [], 95)] == []
    edf = edfio.read_edf(copied)
    whole = edfio.read_edf(path)
    assert edf.starttime == whole.starttime
    assert copied.read_bytes()[168:176] == b"01.01.85"
    texts = {a.text for a in edf.annotations}
    assert "Sleep stage W" in texts
    content = copied.read_bytes()
    for secret in (b"01J8ZQ6T5R", b"bedroom", b"2026", b"FEB", b"mark 7"):
        assert secret in path.read_bytes()
        assert secret not in content


def test_the_annotations_as_a_table(folder, tmp_path):
    table = tmp_path / "a.csv"
    assert run("export", the_file(folder), table)[0] == 0
    rows = list(csv.DictReader(table.read_text().splitlines()))
    assert {"onset_s": "30", "duration_s": "30", "text": "Sleep stage N1"} in rows
    assert {"onset_s": "7", "duration_s": "", "text": "Marker: mark 7"} in rows


def test_prune_deletes_what_is_old_and_its_json(folder):
    path = the_file(folder)
    assert run("prune", "--keep-days", 1)[1] == ""
    os.utime(path, (0, 0))
    assert run("prune", "--keep-days", 1)[1] == f"{path}\n"
    assert not list(folder.iterdir())


def test_what_is_not_there_or_not_one_is_reported(folder):
    assert "name one recording" in run("info", "nope")[0]
    copied = folder / "bedroom.edf"
    run("export", the_file(folder), copied)
    assert "bedroom.edf, " in run("info", "bedro")[0].replace(" in ", ", ")
    copied.write_bytes(b"x")
    assert "not an EDF" in run("info", copied)[0]
