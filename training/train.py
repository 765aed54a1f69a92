"""Fit the network to surrogates: few passes, averaged weights.

Surrogate accuracy goes on rising after real accuracy has begun to fall, so the
number of passes is small and fixed in advance rather than found by looking.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from training.architecture import N_CLASSES
from training.augment import augment, network_input
from training.metrics import compare
from training.network import Network, Weights


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """How long and how fast.

    Attributes
    ----------
    passes : int
    batch : int
    peak_rate : float
        Learning rate after the warm-up; half a cosine brings it to 0.
    warm_up : float
        Fraction of all steps.
    weight_decay : float
        Decoupled (Loshchilov and Hutter 2019).
    smoothing : float
        Of the labels.
    average : float
        Decay per step of the averaged weights.
    seed : int
    """

    passes: int = 2
    batch: int = 64
    peak_rate: float = 3e-3
    warm_up: float = 0.1
    weight_decay: float = 1e-4
    smoothing: float = 0.1
    average: float = 0.997
    seed: int = 1

    def rate(self, step: int, n_steps: int) -> float:
        """Return the learning rate at `step` of `n_steps`."""
        done = (step + 1) / n_steps
        if done < self.warm_up:
            return self.peak_rate * done / self.warm_up
        along = (done - self.warm_up) / (1 - self.warm_up)
        return self.peak_rate * 0.5 * (1 + np.cos(np.pi * along))


class Adam:
    """Adam with decoupled weight decay (Kingma and Ba 2015)."""

    BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-7

    def __init__(self, variables: list[tf.Variable], weight_decay: float) -> None:
        self._variables = variables
        self._decay = weight_decay
        self._first = [tf.Variable(tf.zeros_like(v)) for v in variables]
        self._second = [tf.Variable(tf.zeros_like(v)) for v in variables]
        self._step = tf.Variable(0.0)

    def state(self) -> Weights:
        """Return all that it remembers, by name."""
        kept = [*self._first, *self._second, self._step]
        return {f"adam/{number}": of.numpy() for number, of in enumerate(kept)}

    def restore(self, state: Mapping[str, NDArray[np.floating]]) -> None:
        """Go on from `state`."""
        for number, of in enumerate([*self._first, *self._second, self._step]):
            of.assign(state[f"adam/{number}"])

    def apply(self, gradients: list[tf.Tensor], rate: tf.Tensor) -> None:
        """Move the variables one step downhill."""
        self._step.assign_add(1)
        unbias1 = 1 - self.BETA1**self._step
        unbias2 = 1 - self.BETA2**self._step
        for variable, gradient, first, second in zip(
            self._variables, gradients, self._first, self._second, strict=True
        ):
            first.assign(self.BETA1 * first + (1 - self.BETA1) * gradient)
            second.assign(self.BETA2 * second + (1 - self.BETA2) * gradient**2)
            move = (first / unbias1) / (tf.sqrt(second / unbias2) + self.EPSILON)
            variable.assign_sub(rate * (move + self._decay * variable))


def train(work: Path, schedule: Schedule) -> Weights:
    """Fit to ``train.npz`` of `work`; return the averaged weights.

    Prints the agreement with ``validation.npz`` after every pass.
    """
    tf.keras.utils.set_random_seed(schedule.seed)
    with np.load(work / "train.npz") as archive:
        uv, stages = archive["uv"], archive["stages"].astype(np.int32)
    with np.load(work / "validation.npz") as archive:
        unseen, unseen_stages = archive["uv"], archive["stages"]
    rng = np.random.default_rng(schedule.seed)
    network = Network(uv.shape[1], schedule.seed)
    step = _step_function(network, schedule)
    n_batches = len(uv) // schedule.batch
    n_steps = schedule.passes * n_batches
    averaged = network.weights()
    for number in range(n_steps):
        if number % n_batches == 0:
            order = rng.permutation(len(uv))
        where = np.sort(order[number % n_batches :: n_batches][: schedule.batch])
        x = network_input(augment(uv[where], rng))
        rate = tf.constant(schedule.rate(number, n_steps), tf.float32)
        loss = step(tf.constant(x), tf.constant(stages[where]), rate)
        averaged = _average(averaged, network.weights(), schedule.average, number)
        if (number + 1) % n_batches == 0:
            scored = infer(averaged, unseen).argmax(1)
            agreement = compare(unseen_stages, scored)
            print(
                f"pass {(number + 1) // n_batches}: loss {float(loss):.3f}, "
                f"validation kappa {agreement.kappa:.3f}",
                flush=True,
            )
    return averaged


def infer(
    weights: Mapping[str, NDArray[np.floating]], uv: NDArray[np.floating]
) -> NDArray[np.float32]:
    """Return the float network's logits, shape (n_epochs, 5)."""
    network = Network(uv.shape[1], 0)
    network.assign(weights)
    run = tf.function(network.logits)
    pieces = [
        run(tf.constant(network_input(uv[first : first + 200]))).numpy()
        for first in range(0, len(uv), 200)
    ]
    return np.concatenate(pieces)


def _step_function(
    network: Network, schedule: Schedule
) -> tf.types.experimental.PolymorphicFunction:
    variables = list(network.trainable.values())
    optimiser = Adam(variables, schedule.weight_decay)

    @tf.function
    def step(x: tf.Tensor, stages: tf.Tensor, rate: tf.Tensor) -> tf.Tensor:
        target = tf.one_hot(stages, N_CLASSES) * (1 - schedule.smoothing)
        target += schedule.smoothing / N_CLASSES
        with tf.GradientTape() as tape:
            logits = network.train_logits(x)
            losses = tf.nn.softmax_cross_entropy_with_logits(target, logits)
            loss = tf.reduce_mean(losses)
        zeros = tf.UnconnectedGradients.ZERO
        optimiser.apply(
            tape.gradient(loss, variables, unconnected_gradients=zeros), rate
        )
        return loss

    return step


def _average(averaged: Weights, now: Weights, decay: float, number: int) -> Weights:
    """Return the running mean; early steps count less, as they know less."""
    decay = min(decay, (1 + number) / (10 + number))
    return {
        name: decay * mean + (1 - decay) * now[name] for name, mean in averaged.items()
    }
