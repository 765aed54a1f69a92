"""Bias and limits of agreement against YASA's, and where there are none."""

import json
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import MissingExtraError
from gateway.evaluation.bland_altman import agree_over_nights
from gateway.evaluation.night_numbers import compare_night, compare_nights, pooled
from gateway.staging.stage import Refusal, Stage

# scripts/test-yasa compares many more with YASA itself
GOLDEN = Path(__file__).parents[1] / "golden" / "bias_and_limits.json"
CASES = json.loads(GOLDEN.read_text())["cases"]


@pytest.mark.parametrize("case", CASES)
def test_bias_limits_and_flags_are_yasas(case):
    found = agree_over_nights(case["ours"], case["reference"])
    assert found.bias == pytest.approx(case["bias_mean"])
    assert found.lower_limit == pytest.approx(case["loa_lower"])
    assert found.upper_limit == pytest.approx(case["loa_upper"])
    assert found.normal == case["normal"]
    assert found.proportional_bias != case["constant_bias"]
    assert found.heteroscedastic != case["homoscedastic"]


def test_there_are_cases_of_every_kind():
    assert {case["constant_bias"] for case in CASES} == {True, False}
    assert {case["homoscedastic"] for case in CASES} == {True, False}


@given(st.lists(st.floats(0, 600), min_size=3, max_size=20), st.floats(-50, 50))
def test_a_constant_difference_is_all_bias(reference, by):
    found = agree_over_nights([x + by for x in reference], reference)
    assert found.bias.value == pytest.approx(by, abs=1e-9)
    assert found.sd == pytest.approx(0, abs=1e-9)
    assert not (found.proportional_bias)
    assert not (found.heteroscedastic)
    low, bias, high = found.limits_at(reference[0])
    assert (low, high) == (pytest.approx(bias, abs=1e-6), pytest.approx(bias, abs=1e-6))


def test_limits_follow_the_reference_where_they_must():
    for case in CASES:
        found = agree_over_nights(case["ours"], case["reference"])
        near, far = (found.limits_at(x) for x in (100.0, 400.0))
        moves = found.proportional_bias or found.heteroscedastic
        assert (near != far) == moves
        width_moves = abs((near[2] - near[0]) - (far[2] - far[0])) > 1e-9
        assert width_moves == found.heteroscedastic


def test_nights_without_the_number_are_left_out():
    assert agree_over_nights([1.0, None, 3.0], [1.0, 2.0, None]) is None
    found = agree_over_nights([1.0, None, 3.0, 5.0, 2.0], [1.0, 2.0, 4.0, 4.0, 2.0])
    assert found.n_nights == 4


def test_both_scorings_rest_on_the_same_epochs():
    ours = [Stage.W, Refusal.GAP, Stage.N2, Stage.R]
    reference = [Stage.W, Stage.N1, Stage.N2, None, Stage.R]
    night = compare_night("n", ours, reference)
    assert night.ours == night.reference
    assert night.reference["SOL"] == 1.0
    assert night.difference("REM_latency") is None
    assert pooled([night, night]).n_both == 4
    assert compare_nights([night] * 3)["TST"].bias.value == 0


def test_several_nights_need_scipy(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.stats", None)
    with pytest.raises(MissingExtraError, match=r"\.\[analysis\]"):
        agree_over_nights([1.0, 2.0, 3.0], [1.0, 2.0, 3.0])


@pytest.mark.parametrize("tail", [0, 20, 230])
def test_unscored_time_around_a_night_changes_no_figure(tail):
    night = [Stage.W, Stage.N2] * 10
    found = compare_night("n", night, [None] * 0 + night + [None] * tail)
    assert found.reference["SE"] == found.ours["SE"] == 50.0
    early = compare_night("n", [None] * 7 + night, [None] * 7 + night + [None] * tail)
    assert early.ours == found.ours


def test_the_time_between_the_lights_is_that_of_both_sides():
    night = [Stage.W] * 4 + [Stage.N2] * 4
    found = compare_night("n", night, night, range(2, 8))
    assert found.ours == found.reference
    assert found.ours["SE"] == pytest.approx(100 * 4 / 6)
    assert found.ours["SOL"] == 1.0
