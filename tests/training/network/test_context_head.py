import numpy as np
import pytest

tf = pytest.importorskip("tensorflow", reason="needs the extra [training]")

from gateway.staging.context import Context  # noqa: E402 (only after the skip)
from training.network.architecture import count_multiplications  # noqa: E402
from training.network.context_head import (  # noqa: E402
    N_EPOCHS,
    HeadTrainingSettings,
    ScoredNights,
    count_parameters,
    head_logits,
    initial,
    misjudged,
    teach,
    windows,
)
from training.quantise.export_head import convert_head, head_ranges  # noqa: E402
from training.quantise.quantised import Quantised  # noqa: E402


def a_night(seed=0, n_epochs=60):
    """A night of two stages in long bouts, and a network that often errs."""
    dice = np.random.default_rng(seed)
    stages = np.repeat(dice.permutation([0, 2, 0, 2, 0, 2]), n_epochs // 6)
    raw = dice.dirichlet(np.ones(5), n_epochs) * 0.6
    raw[np.arange(n_epochs), stages] += 0.4 * (dice.random(n_epochs) < 0.7)
    stages[5] = -1
    return ScoredNights(
        "SC4021", raw / raw.sum(1, keepdims=True), stages.astype(np.int8)
    )


def test_the_head_is_taught_on_what_the_daemon_will_show_it():
    night = a_night()
    context = Context(N_EPOCHS)
    for index, (raw, stage) in enumerate(zip(night.raw, night.stages, strict=True)):
        context.push(index, tuple(raw) if stage >= 0 else ())
        np.testing.assert_array_equal(windows(night)[index], context.codes())


def test_a_misjudged_night_errs_the_same_way_all_night_and_refuses_the_same():
    night = a_night()
    night.raw[7] = 0
    told = misjudged(
        night, HeadTrainingSettings(faintest=1, boldest=1), np.random.default_rng(2)
    )
    there = night.raw.sum(1) > 0
    np.testing.assert_allclose(told.raw.sum(1), there)
    known = (night.raw > 0).all(1)
    odds = np.log(told.raw[known] / night.raw[known])
    odds -= odds[:, :1]
    np.testing.assert_allclose(odds, np.broadcast_to(odds[0], odds.shape), atol=1e-9)
    assert odds[0].std() > 0.1


def test_the_head_keeps_within_what_it_may_cost():
    weights = initial(seed=1)
    assert count_parameters(weights) <= 8_000
    macs = sum(of.size for name, of in weights.items() if name.endswith("kernel"))
    assert macs <= 0.03 * count_multiplications(3)


def test_an_untaught_head_says_what_the_epoch_says_itself():
    night = a_night()
    of = {name: tf.constant(value) for name, value in initial(seed=1).items()}
    x = tf.constant(windows(night).astype(np.float32))
    logits = head_logits(of, x, lambda _, value: value).numpy()
    known = night.stages >= 0
    agreed = logits.argmax(1)[known] == night.raw.argmax(1)[known]
    assert agreed.mean() > 0.95


def accuracy_alone_and_together(night, head):
    codes, known = windows(night), night.stages >= 0
    alone = (night.raw.argmax(1) == night.stages)[known].mean()
    return alone, (head.codes(codes).argmax(1) == night.stages)[known].mean()


def in_pieces(night, seed=0):
    """The same night with most of it missing, in runs."""
    dice = np.random.default_rng(seed)
    there = np.repeat(dice.random(len(night.stages) // 4 + 1) < 0.25, 4)
    stages = np.where(there[: len(night.stages)], night.stages, -1)
    return ScoredNights(night.record, night.raw, stages.astype(np.int8))


def test_context_mends_what_single_epochs_get_wrong_and_int8_keeps_it():
    taught = teach(
        [a_night(seed) for seed in range(30)], HeadTrainingSettings(steps=1500)
    )
    unseen = a_night(seed=99, n_epochs=240)
    codes = windows(unseen)
    head = Quantised(convert_head(taught, head_ranges(taught, codes)))
    alone, together = accuracy_alone_and_together(unseen, head)
    assert together > alone + 0.1
    pieces = in_pieces(a_night(seed=98, n_epochs=2400))
    assert (pieces.stages < 0).mean() > 0.6
    alone, together = accuracy_alone_and_together(pieces, head)
    assert together >= alone
