"""A scored night as JSON, tables and EDF+: each says what the night was."""

import csv
import io
import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import edfio
import pytest
from hypothesis import given, settings
from jsonschema import Draft202012Validator

from gateway.edf.file_reader import read_edf
from gateway.edf.hypnogram_writer import hypnogram_edf
from gateway.formats.json_fields import LABEL
from gateway.formats.night_json import night_json, read_epoch_lines, read_night_json
from gateway.formats.night_statistics import yasa_statistics
from gateway.formats.night_tables import bids_json, bids_tsv, night_csv
from gateway.formats.stage_table import read_stage_table
from gateway.recordings.hypnogram import read_hypnogram
from gateway.staging.sleep_statistics import summarise
from gateway.staging.stage import Refusal, Stage
from tests.support.scored_nights import START, night_of, nights

SCHEMAS = Path(__file__).parents[2] / "gateway" / "formats" / "schemas"
GOLDEN = Path(__file__).parents[1] / "golden" / "sleep_statistics.json"
NIGHT = Draft202012Validator(json.loads((SCHEMAS / "night.v1.json").read_text()))
LETTERS = {"W": Stage.W, "1": Stage.N1, "2": Stage.N2, "3": Stage.N3, "R": Stage.R}
LETTERS |= {"A": Refusal.LOW_QUALITY, "U": Refusal.GAP}


def stages_alone(stages):
    return tuple(s if isinstance(s, Stage) else None for s in stages)


@given(nights)
@settings(max_examples=60)
def test_json_keeps_to_its_schema_and_is_read_back(night):
    content = night_json(night)
    NIGHT.validate(json.loads(content))
    back = read_night_json(content)
    if not night.dated:
        back = replace(back, start_utc=night.start_utc)
    assert back == night


def test_the_statistics_written_are_yasas_to_the_last_digit():
    for case in json.loads(GOLDEN.read_text())["cases"]:
        stages = [LETTERS[letter] for letter in case["night"]]
        assert yasa_statistics(summarise(stages)) == case["yasa"], case["night"]


@given(nights)
@settings(max_examples=30)
def test_tables_hold_the_stages(night):
    expected = stages_alone(night.stages)
    assert read_stage_table(bids_tsv(night).decode()) == expected
    assert read_stage_table(night_csv(night).decode()) == expected


def test_a_bids_table_is_explained_column_by_column():
    night = night_of([Stage.W, Refusal.GAP, Stage.R])
    rows = list(csv.DictReader(io.StringIO(bids_tsv(night).decode()), delimiter="\t"))
    explained = json.loads(bids_json(night))
    assert set(rows[0]) <= set(explained)
    assert [row["stage"] for row in rows] == ["W", "n/a", "REM"]
    assert [row["reason"] for row in rows] == ["n/a", "gap", "n/a"]
    assert [row["stage_yasa"] for row in rows] == ["0", "-2", "4"]
    assert all("" not in row.values() for row in rows)
    assert set(explained["stage"]["Levels"]) == set(LABEL.values())


@pytest.mark.parametrize("n_epochs", [0, 1, 300])
def test_an_annotation_file_is_read_by_edfio_and_by_us(tmp_path, n_epochs):
    stages = [(*Stage, Refusal.GAP)[i % 6] for i in range(n_epochs)]
    night = night_of(stages)
    path = tmp_path / "night_hypnogram.edf"
    path.write_bytes(hypnogram_edf(night))
    source = edfio.read_edf(path)
    assert source.startdatetime == START.replace(tzinfo=None)
    texts = [(a.onset, a.duration, a.text) for a in source.annotations]
    assert texts == [
        (30.0 * i, 30.0, s.edf_annotation if isinstance(s, Stage) else "Sleep stage ?")
        for i, s in enumerate(stages)
    ]
    assert read_edf(path).start_utc == START
    if n_epochs:
        assert read_hypnogram(path) == stages_alone(stages)


def test_a_night_without_a_date_stays_so_in_edf(tmp_path):
    path = tmp_path / "h.edf"
    path.write_bytes(hypnogram_edf(night_of([Stage.W], dated=False)))
    assert read_edf(path).start_utc is None


def epoch_line(epoch, **more):
    start = START + timedelta(seconds=30 * epoch)
    return {
        "device": "bedroom",
        "epoch": epoch,
        "start": start.isoformat(),
        "stage": "REM",
        "reason": None,
        "proba": {"W": 0, "N1": 0, "N2": 0, "N3": 0, "REM": 1},
        "quality": {"overall": 1, "missing_s": 0, "flags": [], "derivations": {}},
        "model": {"id": "m", "digest": "d"},
    } | more


def test_lines_of_a_journal_are_a_night_with_its_holes():
    lines = [epoch_line(4), epoch_line(2), {"tib_min": 3, "epochs": 5}]
    content = "\n".join(map(json.dumps, lines)).encode()
    night = read_epoch_lines(content, "S1")
    assert night.stages == (*[Refusal.GAP] * 2, Stage.R, Refusal.GAP, Stage.R)
    assert night.start_utc == START
    with pytest.raises(ValueError, match="no epoch"):
        read_epoch_lines(b'{"tib_min": 3}', "S1")


@pytest.mark.parametrize(
    ("text", "stages"),
    [
        ("stage\nW\nREM\nn/a\n", (Stage.W, Stage.R, None)),
        (
            "onset\tduration\ttrial_type\n30\t60\tN2\n120\t30\tR\n",
            (None, Stage.N2, Stage.N2, None, Stage.R),
        ),
        ("stage,other\nSleep stage N3,1\nwake,2\n", (Stage.N3, Stage.W)),
    ],
)
def test_foreign_tables_are_read(text, stages):
    assert read_stage_table(text) == stages


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "no column stage or trial_type"),
        ("depth\nW\n", "it has depth"),
        ("stage\nW\nN9\n", "line 3: 'N9' is no stage"),
        ("stage,onset\nW,0\nN2,15\nN3,10\n", "overlap: the epoch at 0 s"),
        ("stage,onset\nW,soon\n", "line 2: 'soon' are no seconds"),
        ("stage,onset\nW,1e12\n", "check it"),
    ],
)
def test_a_table_that_is_none_is_refused_with_its_line(text, problem):
    with pytest.raises(ValueError, match=problem):
        read_stage_table(text)


@pytest.mark.parametrize("row_s", [5, 10, 15, 30])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_rows_of_any_length_are_laid_by_the_middle_of_the_epoch(row_s, separator):
    names = ["W", "NREM1", "N2", "S4", "REM", "?"]
    rows = [("\ufeffOnset", "duration", "Stage")]
    rows += [
        (str(at), str(row_s), names[at // 30 % 6]) for at in range(0, 30 * 12, row_s)
    ]
    text = "\n".join(separator.join(row) for row in rows)
    assert read_stage_table(text) == (*Stage, None) * 2


def test_a_table_and_annotations_of_the_same_spans_are_one_hypnogram(tmp_path):
    spans = [(0, 44, "W"), (44, 77, "N2"), (121, 59, "N3")]
    table = "onset,duration,stage\n" + "\n".join(f"{a},{b},{c}" for a, b, c in spans)
    path = tmp_path / "h.edf"
    edfio.Edf(
        [],
        annotations=[
            edfio.EdfAnnotation(a, b, f"Sleep stage {c}") for a, b, c in spans
        ],
    ).write(path)
    assert read_stage_table(table) == read_hypnogram(path)
