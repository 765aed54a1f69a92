"""An agreement never hides over how many epochs it was taken."""

from gateway.evaluation.agreement import agreement
from gateway.reports.comparison import agreement_line
from gateway.staging.stage import Refusal, Stage

W, N2, R = Stage.W, Stage.N2, Stage.R


def line(ours, expert):
    return agreement_line(agreement(ours, expert))


def test_accuracy_and_kappa_come_with_their_epochs():
    assert line([W, N2, N2, R], [W, N2, W, R]) == (
        "accuracy 75.0%, kappa 0.64 (4 epochs scored by both)"
    )


def test_epochs_that_only_the_reference_scored_are_counted():
    assert line([W, Refusal.GAP], [W, N2]).endswith(
        "(1 epoch scored by both, 1 scored by the reference only)"
    )


def test_one_stage_alone_leaves_no_room_for_kappa():
    assert line([W, W], [W, W]) == (
        "accuracy 100.0%, kappa - (2 epochs scored by both)"
    )


def test_nothing_in_common_is_nothing_to_compare():
    assert line([Refusal.GAP], [W]) == (
        "nothing to compare (0 epochs scored by both, 1 scored by the reference only)"
    )
