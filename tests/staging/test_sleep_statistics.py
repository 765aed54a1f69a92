"""The night's numbers against YASA's own."""

import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from gateway.staging.sleep_statistics import summarise
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
