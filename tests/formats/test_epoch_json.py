"""Payloads against the schemas that ship with them."""

import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from gateway.formats.epoch_json import Posting, epoch_document, epoch_payload
from gateway.formats.json_fields import utc_text
from gateway.formats.summary_json import summary_payload
from gateway.messages.outputs import Reading
from gateway.preprocessing.signal_quality import ABSENT, Flaw, Quality
from gateway.staging.scored_epoch import ScoredEpoch
from gateway.staging.sleep_statistics import summarise
from gateway.staging.stage import Refusal, Stage

SCHEMAS = Path(__file__).parents[2] / "gateway" / "formats" / "schemas"
CHANNELS = ("EEG Fpz-Cz", "EOG horizontal", "EMG submental")
START = datetime(2026, 2, 13, 2, 27, tzinfo=UTC)
NOW = Posting(20931, START + timedelta(seconds=30.052), 0.0441)
FINE = Quality(frozenset(), 0.0, 1.0, "AF7-TP9")


def validator(name):
    schema = json.loads((SCHEMAS / name).read_text())
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


EPOCH, SUMMARY = validator("epoch.v1.json"), validator("summary.v1.json")


densities = st.lists(st.integers(1, 999), min_size=5, max_size=5).map(
    lambda weights: tuple(w / sum(weights) for w in weights)
)


@st.composite
def scored_epochs(draw):
    density = alone = ()
    stage = draw(st.sampled_from([*Stage, *Refusal]))
    if isinstance(stage, Stage):
        density, alone = draw(densities), draw(densities)
        stage = tuple(Stage)[density.index(max(density))]
    judged = st.builds(
        Quality,
        flaws=st.frozensets(st.sampled_from(Flaw)),
        missing_s=st.floats(0, 30),
        score=st.floats(0, 1),
        derivation=st.none() | st.text(min_size=1),
    )
    return ScoredEpoch(
        index=draw(st.integers(0, 5000)),
        start_utc=draw(st.datetimes(datetime(1970, 1, 2), timezones=st.just(UTC))),  # noqa: DTZ001 -- Hypothesis wants naive bounds
        stage=stage,
        hypnodensity=density,
        quality=tuple(draw(st.just(ABSENT) | judged) for _ in CHANNELS),
        asleep=draw(st.none() | st.booleans()),
        t_rx=draw(st.floats(0, 1e6)),
        raw_hypnodensity=alone,
    )


def reading_of(value):
    return Reading(
        device="bedroom",
        session="20260212T230100-1f3a",
        model="ulw-sleepnet-3ch-v1",
        model_digest="9f2c41d07a6b",
        channels=CHANNELS,
        value=value,
    )


def an_epoch(stage=Stage.N2, quality=(FINE, FINE, FINE), start=START):
    density = (0.02, 0.05, 0.84, 0.06, 0.03) if isinstance(stage, Stage) else ()
    alone = (0.02, 0.5, 0.4, 0.06, 0.02) if isinstance(stage, Stage) else ()
    return ScoredEpoch(
        index=412,
        start_utc=start,
        stage=stage,
        hypnodensity=density,
        quality=quality,
        asleep=True,
        t_rx=0.0,
        raw_hypnodensity=alone,
    )


def said(scored, posting=NOW):
    return json.loads(
        epoch_payload(epoch_document(reading_of(scored), scored), posting)
    )


@given(scored_epochs(), st.integers(0, 2**40), st.datetimes(), st.floats(-9, 1e6))
def test_every_epoch_keeps_to_the_schema(scored, seq, published, latency_s):
    posting = Posting(seq, published.replace(tzinfo=UTC), latency_s)
    payload = said(scored, posting)
    EPOCH.validate(payload)
    assert payload["scored"] == isinstance(scored.stage, Stage)
    assert tuple((payload["proba"] or {}).values()) == scored.hypnodensity
    assert tuple((payload["raw_proba"] or {}).values()) == scored.raw_hypnodensity
    if payload["scored"]:
        assert payload["proba"][payload["stage"]] == payload["confidence"]


@given(st.lists(st.sampled_from([*Stage, *Refusal]), max_size=80), st.booleans())
def test_every_summary_keeps_to_the_schema(night, final):
    summary = summarise(night)
    payload = json.loads(summary_payload(reading_of(summary), summary, final=final))
    SUMMARY.validate(payload)
    assert payload["sleep_onset"] is None, "nobody said when the night began"
    in_stages = sum(payload["stages_min"].values())
    assert in_stages + payload["unscored_min"] == payload["tib_min"]
    assert payload["tst_min"] == in_stages - payload["stages_min"]["W"]
    assert payload["final"] == final


def test_a_scored_epoch_reads_like_the_published_example():
    assert said(an_epoch()) == {
        "v": 1,
        "device": "bedroom",
        "session": "20260212T230100-1f3a",
        "epoch": 412,
        "seq": 20931,
        "start": "2026-02-13T02:27:00.000Z",
        "duration_s": 30,
        "clock_synchronised": True,
        "stage": "N2",
        "stage_int": 2,
        "scored": True,
        "reason": None,
        "raw_stage": "N1",
        "confidence": 0.84,
        "proba": {"W": 0.02, "N1": 0.05, "N2": 0.84, "N3": 0.06, "REM": 0.03},
        "raw_proba": {"W": 0.02, "N1": 0.5, "N2": 0.4, "N3": 0.06, "REM": 0.02},
        "asleep": True,
        "quality": {
            "overall": 1.0,
            "channels": dict.fromkeys(CHANNELS, 1.0),
            "derivations": dict.fromkeys(CHANNELS, "AF7-TP9"),
            "missing_s": 0.0,
            "flags": [],
        },
        "model": {"id": "ulw-sleepnet-3ch-v1", "digest": "9f2c41d07a6b"},
        "latency_ms": {"close_to_publish": 44.1},
        "late": False,
        "published": "2026-02-13T02:27:30.052Z",
    }


@pytest.mark.parametrize(
    ("stage", "label", "code"),
    [
        (Stage.W, "W", 0),
        (Stage.N1, "N1", 1),
        (Stage.N2, "N2", 2),
        (Stage.N3, "N3", 3),
        (Stage.R, "REM", 4),
        (Refusal.LOW_QUALITY, None, -1),
        (Refusal.OFF_HEAD, None, -1),
        (Refusal.GAP, None, -2),
        (Refusal.WARM_UP, None, -2),
        (Refusal.MODEL_ERROR, None, -2),
    ],
)
def test_labels_are_aasm_letters_and_codes_are_yasas(stage, label, code):
    payload = said(an_epoch(stage))
    assert (payload["stage"], payload["stage_int"]) == (label, code)


def test_a_refused_epoch_shows_no_stage_anywhere():
    payload = said(an_epoch(Refusal.OFF_HEAD))
    hidden = ("stage", "raw_stage", "confidence", "proba", "raw_proba")
    assert [payload[field] for field in hidden] == [None] * 5
    assert payload["reason"] == "off_head"
    assert payload["asleep"] is True


def test_a_derivation_the_headband_lacks_does_not_spoil_the_overall_quality():
    half = Quality(frozenset({Flaw.GAP}), 12.0, 0.5, "AF7-AF8")
    payload = said(an_epoch(quality=(FINE, half, ABSENT)))
    assert payload["quality"] == {
        "overall": 0.75,
        "channels": dict(zip(CHANNELS, (1.0, 0.5, 0.0), strict=True)),
        "derivations": {"EEG Fpz-Cz": "AF7-TP9", "EOG horizontal": "AF7-AF8"},
        "missing_s": 12.0,
        "flags": ["absent", "gap"],
    }


@pytest.mark.parametrize(("after_s", "late"), [(90.0, False), (90.1, True)])
def test_an_epoch_is_late_a_minute_after_its_end(after_s, late):
    posting = NOW._replace(published=START + timedelta(seconds=after_s))
    assert said(an_epoch(), posting)["late"] is late


def test_an_arrival_stamped_by_another_clock_gives_no_latency():
    assert "latency_ms" not in said(an_epoch(), NOW._replace(latency_s=-1.0))


def test_times_are_utc_whatever_zone_they_came_in():
    summer = timezone(timedelta(hours=2))
    moment = datetime(2026, 7, 1, 1, 0, 0, 120_999, tzinfo=summer)
    assert utc_text(moment) == "2026-06-30T23:00:00.120Z"


def test_published_rem_latency_counts_from_sleep_onset():
    summary = summarise([Stage.W] * 10 + [Stage.N2] * 4 + [Stage.N3, Stage.R])
    payload = json.loads(summary_payload(reading_of(summary), summary, final=True))
    assert payload["sol_min"] == 5.0
    assert payload["lat_n3_min"] == 2.0
    assert payload["lat_rem_min"] == 2.5
    assert summary.lat_rem_min == 7.5


W, N2, GAP = Stage.W, Stage.N2, Refusal.GAP


@pytest.mark.parametrize(
    ("stages", "final", "onset_s", "wake_s"),
    [
        ([W, N2, W, N2, W], True, 30, 120),
        ([W, N2, W, N2, W], False, 30, None),
        ([N2, N2], True, 0, None),
        ([N2, GAP, GAP], True, 0, None),
        ([N2, GAP, W], True, 0, 30),
        ([W, GAP], True, None, None),
    ],
    ids=["ended", "goes on", "ends asleep", "taken off", "gap, then awake", "no sleep"],
)
def test_a_summary_says_when_sleep_came_and_went(stages, final, onset_s, wake_s):
    night = summarise(stages)
    reading = reading_of(night)
    said = json.loads(summary_payload(reading, night, final=final, start=START))
    SUMMARY.validate(said)
    expected = [s and utc_text(START + timedelta(seconds=s)) for s in (onset_s, wake_s)]
    if onset_s == 0:
        expected[0] = utc_text(START)
    assert [said["sleep_onset"], said["final_wake"]] == expected


def test_sleep_counts_from_lights_off():
    night = summarise([N2, W, N2, W], range(1, 4))
    reading = reading_of(night)
    said = json.loads(summary_payload(reading, night, final=True, start=START))
    assert said["sleep_onset"] == utc_text(START + timedelta(seconds=60))
