"""Scorings as programs and archives write them, made small."""

import pytest

from gateway.errors import RecordingError
from gateway.offline.read_scoring import read_scoring
from gateway.recordings.hypnogram import find_hypnogram, read_hypnogram
from gateway.staging.stage import Stage

W, N1, N2, N3, R = Stage
NIGHT = (W, N1, N2, N3, R, None)

PROFUSION = """<?xml version="1.0" encoding="utf-8"?>
<CMPStudyConfig><EpochLength>30</EpochLength>
<ScoredEvents><ScoredEvent><Name>Hypopnea</Name><Start>3</Start><Duration>12</Duration>
</ScoredEvent></ScoredEvents>
<SleepStages><SleepStage>0</SleepStage><SleepStage>1</SleepStage>
<SleepStage>2</SleepStage><SleepStage>4</SleepStage><SleepStage>5</SleepStage>
<SleepStage>9</SleepStage></SleepStages></CMPStudyConfig>"""


def nsrr(*events):
    body = "".join(
        f"<ScoredEvent><EventType>{kind}</EventType><EventConcept>{concept}"
        f"</EventConcept><Start>{start}</Start><Duration>{duration}</Duration>"
        "</ScoredEvent>"
        for kind, concept, start, duration in events
    )
    return f"<PSGAnnotation><ScoredEvents>{body}</ScoredEvents></PSGAnnotation>"


STAGES = "Stages|Stages"
NSRR = nsrr(
    ("", "Recording Start Time", 0, 180),
    (STAGES, "Wake|0", 0, 30),
    (STAGES, "Stage 1 sleep|1", 30.0, 30.0),
    ("Respiratory|Respiratory", "Hypopnea|Hypopnea", 40, 12),
    (STAGES, "Stage 2 sleep|2", 60, 30),
    (STAGES, "Stage 4 sleep|4", 90, 30),
    (STAGES, "REM sleep|5", 120, 30),
    (STAGES, "Unscored|9", 150, 30),
)
LUNA = """# N1 | a stage
class\tinstance\tchannel\tstart\tstop\tmeta
W\t.\t.\t0\t30.0\t.
arousal\t.\tC3\t3\t+5\t.
N1\t.\t.\te:2\t.\t.
N2\t.\t.\t0+00:01:00\t+30\t.
N3\t.\t.\t90\t...\t.
R\t.\t.\t120\t150\t.
?\t.\t.\t150\t180\t.
"""
REMLOGIC = """RemLogic Event Export
Patient:\tn1
Recording Date:\t01/02/2009

Sleep Stage\tPosition\tTime [hh:mm:ss]\tEvent\tDuration[s]\tLocation
W\tUnknown\t23:58:30\tSLEEP-S0\t30\tROC-LOC
S1\tUnknown\t23:59:00\tSLEEP-S1\t30\tROC-LOC
S1\tUnknown\t23:59:11\tMCAP-A1\t4\tFp2-F4
S2\tUnknown\t23:59:30\tSLEEP-S2\t30\tROC-LOC
S4\tUnknown\t00:00:00\tSLEEP-S4\t30\tROC-LOC
R\tUnknown\t00:00:30\tSLEEP-REM\t30\tROC-LOC
MT\tUnknown\t00:01:00\tSLEEP-MT\t30\tROC-LOC
"""
EXCEL = (
    "\ufeffonset;duration;Stage\n"
    "0;30,0;W\n30;30;N1\n60;30;N2\n90;30;N3\n120;30;R\n150;30;?\n"
)
BIDS_EVENTS = "onset\tduration\ttrial_type\n" + "".join(
    f"{at}\t{lasts}\t{word}\n"
    for at, lasts, word in [
        (0, 30, "W"),
        (3, 5, "arousal"),
        (30, 30, "Sleep stage N1"),
        (60, 30, "N2"),
        (90, 30, "N3"),
        (120, 30, "REM"),
        (150, 30, "n/a"),
    ]
)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a-profusion.xml", PROFUSION),
        ("a-nsrr.xml", NSRR),
        ("a.annot", LUNA),
        ("a.eannot", "W\nN1\nN2\nN3\nR\n?\n"),
        ("a.txt", REMLOGIC),
        ("b.txt", "W\nS1\nS2\nS4\nREM\nMT\n"),
        ("c.txt", "0\n1\n2\n3\n5\n9\n"),
        ("yasa.csv", "Epoch,Stage\n0,0\n1,1\n2,2\n3,3\n4,4\n5,-2\n"),
        ("excel.csv", EXCEL),
        ("sub-01_task-sleep_events.tsv", BIDS_EVENTS),
    ],
)  # fmt: skip
def test_each_kind_is_the_same_hypnogram(name, content, tmp_path):
    path = tmp_path / name
    path.write_text(content)
    assert read_scoring(path).stages in {NIGHT, NIGHT[:-1]}
    assert read_hypnogram(path, n_epochs=6) == NIGHT


def test_an_event_list_says_when_it_began(tmp_path):
    path = tmp_path / "n1.txt"
    path.write_text(REMLOGIC)
    start_utc = read_scoring(path).start_utc
    assert str(start_utc) == "2009-02-01 23:58:30+00:00"
    earlier = start_utc.replace(minute=57)
    assert read_hypnogram(path, start_utc=earlier)[:4] == (None, None, W, N1)


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("a.xml", PROFUSION.replace(">4<", ">7<"), "SleepStage 4 is '7'"),
        ("a.xml", nsrr((STAGES, "Stage 7", 0, 30)), "'Stage 7' is no stage"),
        ("a.xml", "<PSGAnnotation>", "no XML"),
        ("a.xml", "<svg/>", "no SleepStage"),
        ("a.xml", '<!DOCTYPE x [<!ENTITY a "aa">]><x>&a;</x>', "document type"),
        ("a.xml", "<a>" * 100, "nested too deeply"),
        ("a.xml", nsrr((STAGES, "Wake|0", "nan", 30)), "check it"),
        ("a.annot", "N2\t22:00:00\t+30\n", "no elapsed time"),
        ("a.annot", "N9\t0\t30\n", "line 1: 'N9' is no stage"),
        ("a.annot", "spindle\t0\t1\n", "no annotation is a stage"),
        ("a.txt", "W\nN2\nNN\n", "line 3: 'NN' is no stage"),
        ("a.txt", "2\n3\n4\n3\n2\n", "4 may be REM"),
        ("a.txt", "dear diary\n", "no column stage"),
        ("a.txt", REMLOGIC.replace("SLEEP-S4", "SLEEP-S9"), "'SLEEP-S9' is no stage"),
    ],
)
def test_what_cannot_be_known_is_refused(name, content, problem, tmp_path):
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(RecordingError, match=problem) as caught:
        read_scoring(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("recording", "beside", "taken"),
    [
        ("shhs1-200001.edf", ["shhs1-200001-nsrr.xml", "shhs1-200001-profusion.xml"],
         "shhs1-200001-nsrr.xml"),
        ("SN001.edf", ["SN001_sleepscoring.txt", "SN001_sleepscoring.edf"],
         "SN001_sleepscoring.edf"),
        ("n1.edf", ["n1.txt", "n10.txt"], "n1.txt"),
        ("n1.edf", ["n10-nsrr.xml", "n1_hypnogram.tsv"], None),
        ("a.edf", ["a.annot"], "a.annot"),
    ],
)  # fmt: skip
def test_the_scoring_beside_a_recording_is_found(recording, beside, taken, tmp_path):
    for name in [recording, *beside]:
        (tmp_path / name).write_text(REMLOGIC)
    found = find_hypnogram(tmp_path / recording)
    assert found == (taken and tmp_path / taken)


def test_notes_of_the_same_name_are_no_hypnogram(tmp_path):
    (tmp_path / "n1.edf").touch()
    (tmp_path / "n1.txt").write_text("slept badly")
    assert find_hypnogram(tmp_path / "n1.edf") is None
