"""The night's numbers against YASA's own."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.staging.sleep_statistics import (
    REM_WINDOW,
    first_sustained_rem,
    summarise,
)
from gateway.staging.stage import Refusal, Stage

GOLDEN = Path(__file__).parents[1] / "golden" / "sleep_statistics.json"
CASES = json.loads(GOLDEN.read_text())["cases"]
LETTERS = {"W": Stage.W, "1": Stage.N1, "2": Stage.N2, "3": Stage.N3, "R": Stage.R}
LETTERS |= {"A": Refusal.LOW_QUALITY, "U": Refusal.GAP}
nights = st.lists(st.sampled_from([*Stage, *Refusal]), max_size=120)


def night_of(letters):
    return [LETTERS[letter] for letter in letters]


def as_yasa_says_it(night):
    names = {Stage.W: "WAKE", Stage.R: "REM"}
    named = {stage: names.get(stage, stage.value) for stage in Stage}
    return {
        "TIB": night.tib_min,
        "SPT": night.spt_min,
        "WASO": night.waso_min,
        "TST": night.tst_min,
        "SE": night.se_pct,
        "SME": night.sme_pct,
        "SFI": night.sfi_per_h,
        "SOL": night.sol_min,
        "SOL_5min": night.sol_5min_min,
        "Lat_REM": night.lat_rem_min,
        **{named[stage]: minutes for stage, minutes in night.stages_min.items()},
        **{f"%{named[stage]}": pct for stage, pct in night.stages_pct_tst.items()},
    }


def test_there_are_golden_nights_of_every_kind():
    letters = [set(case["night"]) for case in CASES]
    assert len(CASES) >= 200
    assert {"W"} in letters
    assert set(LETTERS) in letters
    assert any(not kinds & set("123R") for kinds in letters)
    assert any(kinds <= set("123R") for kinds in letters)


def test_every_number_is_yasas_to_the_last_digit():
    for case in CASES:
        summary = summarise(night_of(case["night"]))
        said = dict(case["yasa"])
        refused = said.pop("ART", 0.0) + said.pop("UNS", 0.0)
        assert as_yasa_says_it(summary) == said, case["night"]
        assert summary.unscored_min == refused, case["night"]


@given(nights)
def test_the_parts_of_the_night_add_up(night):
    summary = summarise(night)
    in_stages = sum(summary.stages_min.values())
    assert in_stages + summary.unscored_min == summary.tib_min
    assert summary.tst_min == in_stages - summary.stages_min[Stage.W]
    assert summary.tib_min == summary.n_epochs / 2
    assert summary.tst_min <= summary.spt_min <= summary.tib_min


@given(nights)
def test_latencies_from_onset_are_those_from_the_start_less_the_onset(night):
    summary = summarise(night)
    if summary.lat_rem_min is None:
        assert summary.rem_latency_min is None
    else:
        assert summary.rem_latency_min == summary.lat_rem_min - summary.sol_min


@given(nights, st.integers(0, 20))
def test_waiting_longer_for_sleep_changes_latencies_from_the_start_alone(night, wait):
    later = summarise([Stage.W] * wait + night)
    summary = summarise(night)
    assert later.rem_latency_min == summary.rem_latency_min
    assert later.n3_latency_min == summary.n3_latency_min
    assert later.waso_min == summary.waso_min
    assert later.awakenings == summary.awakenings
    if summary.sol_min is not None:
        assert later.sol_min == summary.sol_min + wait / 2


def test_awakenings_and_transitions_of_a_small_night():
    summary = summarise(night_of("WW2233W2AWRW" + "W" * 4))
    assert summary.awakenings == 2
    # W-2, 2-3, 3-W, W-2, W-R, R-W in 6 epochs of sleep, 0.05 h
    assert summary.transitions_per_h == 120.0
    assert summary.n3_latency_min == 1.0


def test_a_night_without_an_epoch_has_no_rates():
    summary = summarise([])
    assert (summary.tib_min, summary.se_pct, summary.sol_min) == (0, None, None)
    assert summary.n_epochs == 0


R_SURE, R_UNSURE = (0.1, 0.1, 0.0, 0.0, 0.8), (0.4, 0.2, 0.0, 0.0, 0.4)
N2_SURE = (0.0, 0.1, 0.9, 0.0, 0.0)


@pytest.mark.parametrize(
    ("stages", "hypnodensity", "first"),
    [
        ("2R2222", {1: R_SURE}, None),  # a single one
        ("2RRR22", {}, 1),  # lasts; how sure it is nobody knows
        ("2RRR22", dict.fromkeys((1, 2, 3), R_SURE), 1),
        ("2RRR22", dict.fromkeys((1, 2, 3), R_UNSURE), None),
        ("2R2R2R2", dict.fromkeys((1, 3, 5), R_SURE), 1),  # three of six
        ("2R2R222R", dict.fromkeys((1, 3, 7), R_SURE), None),
        ("RRR222RRR", {**dict.fromkeys((0, 1, 2), R_UNSURE), 7: R_SURE}, 6),
        ("", {}, None),
    ],
)
def test_rem_latency_counts_to_rem_that_lasts_and_is_sure(stages, hypnodensity, first):
    night = [Stage.R if c == "R" else Stage.N2 for c in stages]
    densities = [hypnodensity.get(i, ()) for i in range(len(night))]
    assert first_sustained_rem(night, densities) == first
    summary = summarise(night, hypnodensity=densities)
    assert summary.rem_latency_min == (None if first is None else first / 2)
    plain = summarise(night)
    assert summary.lat_rem_min == plain.lat_rem_min
    assert plain.rem_latency_min == plain.lat_rem_min  # asleep from the first epoch


@given(st.lists(st.sampled_from([*Stage, *Refusal]), max_size=60), st.data())
def test_sustained_rem_is_an_r_and_never_before_the_first(night, data):
    densities = [data.draw(st.sampled_from([(), R_SURE, R_UNSURE])) for _ in night]
    first = first_sustained_rem(night, densities)
    if first is not None:
        assert night[first] is Stage.R
        assert first >= night.index(Stage.R)
        # the past does not depend on what comes after the six epochs
        until = first + REM_WINDOW
        assert first_sustained_rem(night[:until], densities[:until]) == first
