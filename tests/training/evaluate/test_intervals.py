from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.evaluate.intervals import (
    ScoredEpochs,
    figures,
    reliability,
    risk_coverage,
)
from training.evaluate.metrics import NAMES, compare
from training.evaluate.text import figure_lines


def judged(seed=0, n_subjects=6, n_epochs=60, *, refused=0):
    rng = np.random.default_rng(seed)
    n = n_subjects * n_epochs
    true = rng.integers(0, 5, n)
    logits = rng.normal(0, 1, (n, 5))
    logits[np.arange(n), true] += 1.5
    proba = np.exp(logits)
    proba /= proba.sum(1, keepdims=True)
    proba[:refused] = np.nan
    return ScoredEpochs(
        np.repeat([f"{s:02}" for s in range(n_subjects)], n_epochs), true, proba
    )


def value(table, name):
    return table[name]["value"]


@given(st.integers(0, 1000))
def test_pooled_figures_are_those_of_all_epochs_together(seed):
    of = judged(seed, n_epochs=20)
    table, plain = figures(of, draws=10), compare(of.true, of.proba.argmax(1))
    assert value(table, "accuracy") == round(plain.accuracy, 4)
    assert value(table, "kappa") == round(plain.kappa, 4)
    np.testing.assert_array_equal(table["confusion"], plain.confusion)
    f1 = [value(table, f"f1_{name}") for name in NAMES]
    assert [round(x, 4) for x in plain.f1] == f1
    np.testing.assert_allclose(value(table, "macro_f1"), np.mean(plain.f1), atol=1e-4)


def test_calibration_figures_are_those_of_the_definition():
    of = judged()
    confidence, right = of.proba.max(1), of.proba.argmax(1) == of.true
    edges = np.linspace(0, 1, 16)
    ece = sum(
        here.mean() * abs(confidence[here].mean() - right[here].mean())
        for low, high in pairwise(edges)
        if (here := (confidence >= low) & (confidence < high)).any()
    )
    table = figures(of)
    np.testing.assert_allclose(value(table, "ece"), ece, atol=1e-4)
    given_ = of.proba[np.arange(len(of.true)), of.true]
    np.testing.assert_allclose(value(table, "nll"), -np.log(given_).mean(), atol=1e-4)


def test_intervals_hold_the_figure_and_narrow_with_people():
    few, many = figures(judged(n_subjects=4)), figures(judged(n_subjects=40))
    for table in (few, many):
        low, high = table["kappa"]["interval_95"]
        assert low <= value(table, "kappa") <= high
    width = [np.ptp(t["kappa"]["interval_95"]) for t in (few, many)]
    assert width[1] < width[0]


def test_intervals_cover_the_truth_about_as_often_as_they_say():
    """Draw many samples of 30 unlike people; count how often the truth is inside."""
    rng = np.random.default_rng(0)
    inside = 0
    for _ in range(60):
        skill = rng.uniform(0.5, 0.9, 30)  # their mean is 0.7
        right = rng.random((30, 40)) < skill[:, None]
        true = np.zeros(1200, int)
        proba = np.zeros((1200, 5))
        proba[np.arange(1200), np.where(right.ravel(), 0, 1)] = 1
        people = np.repeat(np.arange(30).astype(str), 40)
        low, high = figures(ScoredEpochs(people, true, proba), draws=200)["accuracy"][
            "interval_95"
        ]
        inside += low <= 0.7 <= high
    assert 50 <= inside <= 60


def test_one_person_has_no_interval():
    table = figures(judged(n_subjects=1))
    assert table["kappa"]["interval_95"] is None
    assert "[" not in "\n".join(figure_lines("x", table))


def test_refused_epochs_are_counted_apart_and_cost_coverage():
    of = judged(refused=90)
    table = figures(of)
    assert table["n_refused"] == 90
    assert table["n_epochs"] == 270
    coverage, _ = risk_coverage(of)
    assert coverage[-1] == 0.75


def test_an_interval_from_few_people_is_reported_as_too_narrow():
    assert "narrower" in "\n".join(figure_lines("x", figures(judged(n_subjects=3))))
    assert "narrower" not in "\n".join(
        figure_lines("x", figures(judged(n_subjects=30)))
    )


@given(st.integers(0, 100))
def test_risk_ends_at_the_error_and_coverage_rises(seed):
    of = judged(seed, n_epochs=20)
    coverage, risk = risk_coverage(of)
    assert (np.diff(coverage) > 0).all()
    np.testing.assert_allclose(risk[-1], (~of.right).mean())


def test_bins_of_the_reliability_diagram_hold_every_epoch():
    of = judged()
    counts, confidence, right = reliability(of)
    assert counts.sum() == len(of.true)
    np.testing.assert_allclose(counts @ right / counts.sum(), of.right.mean())
    assert (np.diff(confidence) > 0).all()


def test_a_stage_ruled_out_costs_much_but_not_everything():
    of = ScoredEpochs(np.array(["a"]), np.array([0]), np.array([[0.0, 1, 0, 0, 0]]))
    assert 10 < value(figures(of), "nll") < 20


def test_pictures_are_drawn(tmp_path):
    pytest.importorskip("matplotlib", reason="needs the extra [training]")
    from training.evaluate.plots import draw  # noqa: PLC0415 (only after the skip)

    paths = draw(tmp_path, "x", "a title", judged())
    assert [p.name for p in paths] == [
        "x-confusion.png",
        "x-reliability.png",
        "x-risk.png",
    ]
    assert all(p.read_bytes().startswith(b"\x89PNG") for p in paths)
