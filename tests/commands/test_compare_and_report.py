"""Two scorings compared, a night reported: from the command line."""

import json
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import edfio
import pytest
from click.testing import CliRunner
from jsonschema import Draft202012Validator

from gateway.commands import cli
from gateway.errors import ConfigError, RecordingError
from gateway.formats.night_json import night_json
from gateway.formats.night_tables import bids_json, bids_tsv
from gateway.journal.store import JournalStore
from gateway.recorder.folder import recordings
from gateway.recorder.recorder import DiskLimits, Recorder
from gateway.recorder.session_file import FileWriter
from gateway.staging.stage import Refusal, Stage
from tests.acceptance.recording.night import SESSION, outputs, reading
from tests.acceptance.recording.night import second as second_of
from tests.formats.test_night_files import epoch_line
from tests.support.scored_nights import START, night_of

SCHEMAS = Path(__file__).parents[2] / "gateway" / "formats" / "schemas"
SCHEMA = json.loads((SCHEMAS / "comparison.v1.json").read_text())
EXPERT = [Stage.W] * 6 + [Stage.N1] * 2 + [Stage.N2] * 20 + [Stage.N3] * 9
EXPERT += [Stage.R] * 8 + [Stage.W]
OURS = [Stage.W] * 8 + [Stage.N2] * 18 + [Refusal.GAP] * 2 + [Stage.N3] * 9
OURS += [Stage.R] * 6 + [Stage.W] * 3


def run(*arguments):
    result = CliRunner().invoke(
        cli, [str(a) for a in arguments], catch_exceptions=False, standalone_mode=False
    )
    return result.stdout


def json_night(path, stages, **more):
    path.write_bytes(night_json(night_of(stages, **more)))
    return path


def edf_hypnogram(path, stages, start=START):
    edfio.Edf(
        [],
        recording=edfio.Recording(startdate=start.date()),
        starttime=start.time(),
        annotations=[
            edfio.EdfAnnotation(30 * i, 30, s.edf_annotation)
            for i, s in enumerate(stages)
        ],
    ).write(path)
    return path


def test_every_kind_of_file_gives_the_same_comparison(tmp_path):
    night = night_of(OURS)
    json_night(tmp_path / "a.json", OURS)
    (tmp_path / "b.tsv").write_bytes(bids_tsv(night))
    expert = edf_hypnogram(tmp_path / "e.edf", EXPERT)
    said = {run("compare", tmp_path / name, expert) for name in ("a.json", "b.tsv")}
    texts = {text.replace("a, over", "b, over") for text in said}
    assert len(texts) == 1
    (text,) = texts
    assert "44 epochs scored by both, 2 scored by the reference only" in text
    assert "SOL          ours     4.0   reference     3.0   +1.0 min" in text


def test_epochs_are_matched_by_their_times(tmp_path):
    ours = json_night(tmp_path / "a.json", EXPERT[4:], start_utc=START)
    early = edf_hypnogram(tmp_path / "e.edf", EXPERT, START - timedelta(minutes=2))
    assert run("compare", ours, early).startswith("accuracy 100.0%")
    late = edf_hypnogram(tmp_path / "l.edf", EXPERT[6:], START + timedelta(minutes=1))
    assert run("compare", ours, late).startswith("accuracy 100.0%")
    for shift, problem in ((10, "not the same"), (86400, "no epoch in common")):
        other = edf_hypnogram(
            tmp_path / "o.edf", EXPERT, START + timedelta(seconds=shift)
        )
        with pytest.raises(RecordingError, match=problem):
            run("compare", ours, other)


def test_folders_give_bias_and_limits_and_a_figure(tmp_path):
    ours, experts = tmp_path / "ours", tmp_path / "experts"
    ours.mkdir()
    experts.mkdir()
    for i in range(5):
        sooner = OURS[i % 3 :]
        json_night(ours / f"SC40{i}1E0_night.json", sooner, dated=False)
        edf_hypnogram(experts / f"SC40{i}1EC-Hypnogram.edf", EXPERT[i % 2 :])
    (ours / "x_hypnogram.tsv").write_bytes(bids_tsv(night_of(OURS)))
    (ours / "x_hypnogram.json").write_bytes(bids_json(night_of(OURS)))
    figure = tmp_path / "figure.svg"
    text = run("compare", ours, experts, "--figure", figure)
    assert "5 nights" in text
    assert figure.read_bytes().startswith(b"<svg")
    document = json.loads(run("compare", ours, experts, "--json"))
    Draft202012Validator.check_schema(SCHEMA)
    Draft202012Validator(SCHEMA).validate(document)
    assert len(document["nights"]) == 5
    assert document["without_counterpart"] == [str(ours / "x_hypnogram.tsv")]
    tst = document["bland_altman"]["TST"]
    by = [night["difference"]["TST"] for night in document["nights"]]
    assert tst["bias"]["value"] == pytest.approx(sum(by) / 5)


def test_what_cannot_be_compared_is_refused(tmp_path):
    night = json_night(tmp_path / "a.json", OURS)
    (tmp_path / "folder").mkdir()
    (tmp_path / "b.json").write_text("[]")
    for other, problem in (
        (tmp_path / "folder", "two files or two folders"),
        (tmp_path / "b.json", "no night"),
        (tmp_path / "none.csv", "No such file"),
    ):
        with pytest.raises((ConfigError, RecordingError), match=problem):
            run("compare", night, other)
    with pytest.raises(RecordingError, match="no two names"):
        run("compare", tmp_path / "folder", tmp_path / "folder")
    with pytest.raises(ConfigError, match="it takes 3"):
        run("compare", night, night, "--figure", tmp_path / "f.svg")


def test_a_session_of_the_journal_is_reported(tmp_path):
    journal = tmp_path / "journal.sqlite"
    with closing(JournalStore(journal)) as store:
        for name, n_epochs in (("01AAA", 3), ("01BBB", 5)):
            for i in range(n_epochs):
                store.append(
                    device="bedroom",
                    session=name,
                    epoch=i,
                    recorded_s=0.0,
                    document=json.dumps(epoch_line(i)).encode(),
                )
    (tmp_path / "recordings").mkdir()
    beside = tmp_path / "recordings" / "2026-02-13_bed_room_01BBB.json"
    on = (START + timedelta(seconds=121)).isoformat()
    beside.write_text(json.dumps({"lights_off": None, "lights_on": on}))
    beside.with_suffix(".edf").touch()
    told = ("--journal", journal, "--out", tmp_path, "--json", "--html")
    run("report", *told)
    run("report", "01A", *told)
    for name, n_epochs in (("01AAA", 3), ("01BBB", 5)):
        night = json.loads((tmp_path / f"{name}_night.json").read_text())
        assert night["n_epochs"] == n_epochs
        assert (tmp_path / f"{name}_report.html").exists()
        assert night["in_bed"] == [0, min(n_epochs, 4)]
    for what, problem in (
        ("01", "several sessions"),
        ("02", "no such file or session"),
    ):
        with pytest.raises(ConfigError, match=problem):
            run("report", what, *told)
    with pytest.raises(ConfigError, match="no recorded session"):
        run("report", "--journal", tmp_path / "no" / "none.sqlite")


def recorded(folder, start, end):
    recorder = Recorder(folder, DiskLimits(0, None), FileWriter("test"))
    recorder.begin()
    for _, value in outputs(start, end):
        recorder.take(reading(value))
    recorder.close()


@pytest.mark.parametrize("header", ["of other settings", "of no use"])
def test_a_session_in_two_parts_is_reported_as_one(tmp_path, header):
    folder = tmp_path / "recordings"
    folder.mkdir()
    recorded(folder, 0, 130)
    (first,) = recordings(folder)
    content = first.read_bytes()
    if header == "of no use":
        content = bytes(600) + content[600:]
    else:
        content = content.replace(b"zero 5", b"zero 6")
    first.write_bytes(content)
    recorded(folder, 150, 300)
    first, second = recordings(folder)
    assert second.stem == f"{first.stem}_2"
    run("report", "--journal", tmp_path / "none", "--out", tmp_path, "--json")
    night = json.loads((tmp_path / f"{SESSION}_night.json").read_text())
    assert night["n_epochs"] == 10
    missing_s = [epoch["quality"]["missing_s"] for epoch in night["epochs"]]
    lost_s = sum(not second_of(s).present[0].any() for s in range(120))
    if header == "of no use":
        assert min(missing_s[:5]) == 30
        assert str(first) in night["notes"][1]
    else:
        assert lost_s <= sum(missing_s[:4]) < 30 + lost_s
    assert missing_s[4] > 19
    assert max(missing_s[5:]) < 15
    assert night["notes"][0] == "recorded in 2 parts, put together here"


def test_a_night_scored_before_is_reported_in_every_form(tmp_path):
    pytest.importorskip("resvg_py")
    night = json_night(tmp_path / "a_night.json", OURS)
    forms = ("html", "svg", "png", "json", "csv", "bids")
    names = run("report", night, *(f"--{form}" for form in forms), "--out", tmp_path)
    assert len(names.splitlines()) == 7
    png = (tmp_path / "a night_report.png").read_bytes()
    assert png.startswith(b"\x89PNG")
