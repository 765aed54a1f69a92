"""Fit the network to real nights; a run that was killed goes on to the same bit.

Whatever is drawn at random, order, augmentation and dropout, is drawn by the number
of its pass and step, and everything that remembers is written down after each pass.
"""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from training.evaluate.metrics import compare
from training.network.adam import Adam
from training.network.architecture import N_CLASSES
from training.network.network import Network, Weights
from training.sleep_edf.course import SleepEdfSettings
from training.sleep_edf.inference import logits_of
from training.sleep_edf.nights import Epochs
from training.surrogates.augment import augment, network_input

Told = Callable[[int, str], None]
State = dict[str, NDArray[np.float64]]


def fit(
    train: Epochs, validation: Epochs, course: SleepEdfSettings, path: Path, told: Told
) -> tuple[Weights, list[dict[str, float]]]:
    """Return the weights that scored `validation` best, and the curve of all passes.

    Parameters
    ----------
    train, validation : Epochs
    course : SleepEdfSettings
    path : Path
        ``.npz`` that holds where the run stands; of another course or other data it
        is begun anew.
    told : callable
        Takes the passes done and a note.
    """
    tf.config.experimental.enable_op_determinism()
    key = _key(train, validation, course)
    state, curve = _read(path, key) or ({}, [])
    learner = _Learner(train, course, state)
    while len(curve) < course.passes:
        learner.one_pass(len(curve))
        scored = logits_of(learner.averaged, validation).argmax(1)
        found = compare(validation.stages, scored)
        point = {"kappa": found.kappa, "accuracy": found.accuracy}
        if point[course.choose_by] > max(
            (p[course.choose_by] for p in curve), default=-np.inf
        ):
            learner.best = dict(learner.averaged)
        curve.append({name: round(value, 9) for name, value in point.items()})
        _write(path, key, learner.state(), curve)
        told(len(curve), f"validation kappa {found.kappa:.3f}")
    return learner.best, curve


class _Learner:
    """A network on its course, and all that must be written down to go on."""

    def __init__(self, train: Epochs, course: SleepEdfSettings, state: State) -> None:
        self._train, self._course = train, course
        self._network = Network(train.shape[1], course.seed)
        self._optimiser = Adam(
            list(self._network.trainable.values()), course.weight_decay
        )
        if state:
            self._network.assign(_named(state, "now/"))
            self._optimiser.restore(state)
        now = self._network.weights()
        self.averaged = _named(state, "averaged/") or dict(now)
        self.best = _named(state, "best/") or dict(now)
        self._step = _step_function(self._network, self._optimiser, course)

    def state(self) -> State:
        """Return it."""
        kinds = {
            "now/": self._network.weights(),
            "averaged/": self.averaged,
            "best/": self.best,
        }
        named = {k + n: of for k, weights in kinds.items() for n, of in weights.items()}
        return named | self._optimiser.state()

    def one_pass(self, number: int) -> None:
        """Go through the data once, in an order of the pass's own."""
        course, train = self._course, self._train
        rng = np.random.default_rng([course.seed, number])
        order = rng.permutation(len(train))
        n_batches = max(1, len(train) // course.batch)
        for at in range(n_batches):
            where = np.sort(order[at::n_batches][: course.batch])
            done = number * n_batches + at
            rate = course.rate((done + 1) / (course.passes * n_batches))
            self._step(
                tf.constant(network_input(augment(train[where], rng))),
                tf.constant(train.stages[where].astype(np.int32)),
                tf.constant(rate, tf.float32),
                tf.constant([course.seed, done], tf.int32),
            )
            decay = min(course.average, (1 + done) / (10 + done))
            for name, now in self._network.weights().items():
                self.averaged[name] = decay * self.averaged[name] + (1 - decay) * now


def _step_function(
    network: Network, optimiser: Adam, course: SleepEdfSettings
) -> tf.types.experimental.PolymorphicFunction:
    variables = list(network.trainable.values())

    @tf.function
    def step(x: tf.Tensor, stages: tf.Tensor, rate: tf.Tensor, lot: tf.Tensor) -> None:
        target = tf.one_hot(stages, N_CLASSES) * (1 - course.smoothing)
        target += course.smoothing / N_CLASSES
        with tf.GradientTape() as tape:
            logits = network.train_logits(x, lot)
            losses = tf.nn.softmax_cross_entropy_with_logits(target, logits)
            loss = tf.reduce_mean(losses)
        zeros = tf.UnconnectedGradients.ZERO
        gradients = tape.gradient(loss, variables, unconnected_gradients=zeros)
        optimiser.apply(gradients, rate)

    return step


def _named(state: State, kind: str) -> Weights:
    return {n.removeprefix(kind): of for n, of in state.items() if n.startswith(kind)}


def _key(train: Epochs, validation: Epochs, course: SleepEdfSettings) -> str:
    """Return what a run must share with the one whose state it goes on from."""
    data = [
        [
            *np.bincount(of.stages, minlength=N_CLASSES).tolist(),
            *sorted(set(of.subjects.tolist())),
        ]
        for of in (train, validation)
    ]
    return json.dumps([asdict(course), data])


def _read(path: Path, key: str) -> tuple[State, list[dict[str, float]]] | None:
    if not path.exists():
        return None
    with np.load(path) as archive:
        note: Mapping[str, object] = json.loads(str(archive["note"]))
        if note["key"] != key:
            return None
        curve = json.loads(json.dumps(note["curve"]))
        return {n: archive[n] for n in archive.files if n != "note"}, curve


def _write(path: Path, key: str, state: State, curve: list[dict[str, float]]) -> None:
    unfinished = path.with_suffix(".partial")
    with unfinished.open("wb") as file:
        note = json.dumps({"key": key, "curve": curve})
        np.savez(file, note=np.array(note), **state)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
