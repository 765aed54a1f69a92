from types import SimpleNamespace

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow", reason="needs the extra [training]")

from training.data.dataset import Recorded  # noqa: E402 (only after the skip)
from training.network.schedule import Schedule  # noqa: E402
from training.network.train import (  # noqa: E402
    Source,
    TrainingData,
    TrainingRun,
    source_loss,
    surprise,
    train,
)
from training.surrogates.augment import augment  # noqa: E402

SCHEDULE = Schedule(steps=4, validate_every=2)


def some(seed, n_epochs=20):
    dice = np.random.default_rng(seed)
    uv = dice.normal(0, 15, (n_epochs, 3, 3000)).astype(np.float16)
    stages = dice.integers(0, 5, n_epochs).astype(np.int8)
    return Recorded(uv, stages, np.array(["02"] * n_epochs))


@pytest.fixture
def material():
    whole, pieces = some(0), some(1)
    first = pieces.uv[:, :1, :500]
    sources = (
        Source(whole.uv, whole.stages, 6, 0.6, augment),
        Source(first, pieces.stages, 4, 0.4, lambda uv, _: -uv),
    )
    return TrainingData(sources, {"others": some(2, 5)}, ["others"])


def test_a_run_that_was_killed_ends_as_one_that_was_not(
    tmp_path, material, monkeypatch
):
    whole = train(material, SCHEDULE, tmp_path / "whole.npz")
    save = TrainingRun.save

    def killed_once_saved(run):
        save(run)
        raise KeyboardInterrupt

    monkeypatch.setattr(TrainingRun, "save", killed_once_saved)
    with pytest.raises(KeyboardInterrupt):
        train(material, SCHEDULE, tmp_path / "killed.npz")
    monkeypatch.setattr(TrainingRun, "save", save)
    resumed = train(material, SCHEDULE, tmp_path / "killed.npz")
    assert [point["step"] for point in resumed.curve] == [2, 4]
    assert resumed.curve == whole.curve
    for name, weights in whole.averaged.items():
        np.testing.assert_array_equal(resumed.averaged[name], weights)


def test_another_schedule_begins_anew(tmp_path, material):
    path = tmp_path / "run.npz"
    train(material, SCHEDULE, path)
    longer = Schedule(steps=2, validate_every=2, seed=2)
    assert [point["step"] for point in train(material, longer, path).curve] == [2]


def test_a_source_says_nothing_of_the_stages_it_does_not_hold():
    dice = np.random.default_rng(0)
    logits = tf.Variable(dice.normal(0, 2, (4, 5)), dtype=tf.float32)
    stages = tf.constant([0, 3, 3, 0])
    possible = tf.constant([[1, 0, 0, 1, 0]] * 4, tf.float32)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(surprise(logits, stages, possible, 0.1))
    moved = tape.gradient(loss, logits).numpy()
    assert (moved[:, [1, 2, 4]] == 0).all()
    assert (moved[:, [0, 3]] != 0).all()
    whole = surprise(logits, stages, tf.ones((4, 5)), 0.0)
    usual = tf.nn.sparse_softmax_cross_entropy_with_logits(stages, logits)
    np.testing.assert_allclose(whole, usual, rtol=1e-5)


def test_a_source_says_as_much_of_the_other_stages_as_it_is_certain_of():
    logits = tf.Variable(
        np.random.default_rng(0).normal(0, 2, (4, 5)), dtype=tf.float32
    )
    stages = tf.constant([0, 3, 3, 0])
    held = tf.constant([[1, 0, 0, 1, 0]] * 4, tf.float32)

    def moved(certain):
        source = Source(None, None, 4, 1.0, augment, certain)
        with tf.GradientTape() as tape:
            loss = source_loss(source, logits, stages, held, 0.1)
        return tape.gradient(loss, logits).numpy()

    np.testing.assert_allclose(
        moved(0.25), 0.25 * moved(1.0) + 0.75 * moved(0.0), rtol=1e-4, atol=1e-6
    )
    assert (moved(0.0)[:, [1, 2, 4]] == 0).all()
    assert (moved(0.25)[:, [1, 2, 4]] != 0).all()


def test_the_weights_kept_are_best_on_the_mean_of_those_who_choose(
    tmp_path, material, monkeypatch
):
    kappas = iter([0.9, 0.1, 0.6, 0.6, 0.9, 0.2])  # means 0.5, 0.6 and 0.55
    sets = {name: some(2, 5) for name in ("one", "two")}
    chosen = TrainingData(material.sources, sets, list(sets))
    run = TrainingRun(SCHEDULE, material.sources, tmp_path / "run.npz")
    monkeypatch.setattr(
        "training.network.train.compare",
        lambda *_: SimpleNamespace(kappa=next(kappas)),
    )
    for number in range(3):
        run.averaged = {name: of + number for name, of in run.averaged.items()}
        run.validate(chosen, 1.0)
        if number == 1:
            kept = dict(run.averaged)
    for name, of in run.best.items():
        np.testing.assert_array_equal(of, kept[name])
