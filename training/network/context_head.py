"""Fit the context head: what an epoch is, from what it and those before looked like.

One hidden layer over a window of hypnodensities, and a straight way past it from
the epoch itself. Trained on whole nights of surrogates, scored by the quantised
network under changing conditions: every night by another recorder, with other
channels.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from gateway.preprocessing.input_scaling import STEP
from gateway.staging.context import N_FEATURES, encode
from training.network.adam import Adam
from training.network.architecture import N_CLASSES

N_EPOCHS = 30
N_HIDDEN = 16
Tap = Callable[[str, tf.Tensor], tf.Tensor]
Weights = dict[str, NDArray[np.float32]]


@dataclass(frozen=True, slots=True, eq=False)
class ScoredNights:
    """A night as the network alone scored it.

    Attributes
    ----------
    record : str
        ``"SC4ssN"``, subject and night.
    raw : ndarray of float64, shape (n_epochs, 5)
        Hypnodensities.
    stages : ndarray of int8, shape (n_epochs,)
        True ones; negative where unknown.
    """

    record: str
    raw: NDArray[np.float64]
    stages: NDArray[np.int8]


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadTrainingSettings:
    """Training settings of the head; the rate falls to 0 along half a cosine."""

    steps: int = 6000
    batch: int = 256
    rate: float = 2e-3
    weight_decay: float = 3e-2
    refused: float = 0.05  # chance of an epoch of the past to be blotted out
    shortened: float = 0.4  # chance of a night that began within the window
    fragmented: float = 0.3  # chance of a past of which whole runs are missing
    longest_run: int = 20  # mean epochs there, or missing, in the longest of them
    partiality: float = 0.5  # standard deviation, in logits, of a night's own bias
    faintest: float = 0.7  # factor of the logits, drawn night by night
    boldest: float = 1.1
    tellings: int = 3  # times that every night is told, each by another network
    seed: int = 1


def windows(night: ScoredNights) -> NDArray[np.int8]:
    """Return what the head sees at every epoch, shape (n_epochs, 30, 6).

    The same as `gateway.staging.context.Context` gives, epoch by epoch. Epochs
    without a true stage count as refused.
    """
    nothing = np.zeros(N_FEATURES, np.int8)
    codes = [
        encode(tuple(raw)) if stage >= 0 else nothing
        for raw, stage in zip(night.raw, night.stages, strict=True)
    ]
    whole = np.stack([*[nothing] * (N_EPOCHS - 1), *codes])
    seen = np.lib.stride_tricks.sliding_window_view(whole, N_EPOCHS, 0)
    return np.ascontiguousarray(seen.transpose(0, 2, 1))


def misjudged(
    night: ScoredNights, course: HeadTrainingSettings, rng: np.random.Generator
) -> ScoredNights:
    """Return the night as a network partial to some stages would have scored it.

    On another recorder it is: all night long it says one stage too readily and another
    too rarely, and is surer or less sure of itself than where it was calibrated.
    """
    with np.errstate(divide="ignore"):
        logits = np.log(night.raw) * rng.uniform(course.faintest, course.boldest)
    likely = np.exp(logits + rng.normal(0, course.partiality, N_CLASSES))
    total = likely.sum(1, keepdims=True)
    return replace(night, raw=np.divide(likely, total, out=likely, where=total > 0))


def initial(seed: int) -> Weights:
    """Return weights that leave every epoch as it is."""
    rng = np.random.default_rng(seed)
    n_in = N_EPOCHS * N_FEATURES
    past = np.eye(N_FEATURES, N_CLASSES)
    return {
        "hidden/kernel": _float(rng.normal(0, (1 / n_in) ** 0.5, (n_in, N_HIDDEN))),
        "hidden/bias": _float(np.zeros(N_HIDDEN)),
        "logits/kernel": _float(np.zeros((N_HIDDEN, N_CLASSES))),
        "logits/bias": _float(np.zeros(N_CLASSES)),
        "itself/kernel": _float(past),
    }


def count_parameters(weights: Mapping[str, NDArray[np.floating]]) -> int:
    """Return the number of scalars."""
    return sum(of.size for of in weights.values())


def head_logits(of: Mapping[str, tf.Tensor], x: tf.Tensor, tap: Tap) -> tf.Tensor:
    """Run the head, passing every activation through `tap`.

    Parameters
    ----------
    of : mapping of str to tensor
    x : tensor of float32, shape (n, 30, 6)
    tap : callable
        Takes the activation's name and value, returns the value to go on with.
    """
    x = tap("input", x)
    flat = tf.reshape(x, (-1, N_EPOCHS * N_FEATURES))
    hidden = tap("hidden", tf.nn.relu(flat @ of["hidden/kernel"] + of["hidden/bias"]))
    past = tap("past", hidden @ of["logits/kernel"] + of["logits/bias"])
    itself = tap("itself", tf.reshape(x[:, -1], (-1, N_FEATURES)) @ of["itself/kernel"])
    return tap("logits", past + itself)


def teach(nights: Iterable[ScoredNights], course: HeadTrainingSettings) -> Weights:
    """Return the weights under which the true stages are likeliest."""
    rng = np.random.default_rng(course.seed)
    pairs = [
        (windows(misjudged(night, course, rng)), night.stages)
        for night in nights
        for _ in range(course.tellings)
    ]
    codes = np.concatenate([seen for seen, _ in pairs])
    stages = np.concatenate([of for _, of in pairs])
    codes, stages = codes[stages >= 0], stages[stages >= 0].astype(np.int32)
    weights = {n: tf.Variable(of) for n, of in initial(course.seed).items()}
    variables = list(weights.values())
    optimiser = Adam(variables, course.weight_decay)

    @tf.function
    def step(x: tf.Tensor, y: tf.Tensor, rate: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            logits = head_logits(weights, x, lambda _, value: value)
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(y, logits)
            loss = tf.reduce_mean(losses)
        optimiser.apply(tape.gradient(loss, variables), rate)
        return loss

    averaged = {name: of.numpy() for name, of in weights.items()}
    for number in range(course.steps):
        chosen = rng.integers(len(stages), size=course.batch)
        x = _blotted(codes[chosen].astype(np.float32) * STEP, course, rng)
        rate = course.rate * 0.5 * (1 + np.cos(np.pi * number / course.steps))
        step(tf.constant(x), tf.constant(stages[chosen]), tf.constant(rate, tf.float32))
        decay = min(0.995, (1 + number) / (10 + number))
        for name, of in weights.items():
            averaged[name] = decay * averaged[name] + (1 - decay) * of.numpy()
    return averaged


def _blotted(
    x: NDArray[np.float32], course: HeadTrainingSettings, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Return windows with some of the past refused, or before the night began."""
    kept = rng.random(x.shape[:2]) >= course.refused
    begun = np.where(
        rng.random(len(x)) < course.shortened, rng.integers(N_EPOCHS, size=len(x)), 0
    )
    kept &= np.arange(N_EPOCHS) >= begun[:, None]
    kept &= _fragments(len(x), course, rng)
    kept[:, -1] = True
    return x * kept[..., None].astype(np.float32)


def _fragments(
    n_windows: int, course: HeadTrainingSettings, rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Return which epochs are there, shape (n_windows, 30), some windows in pieces.

    Runs there and runs missing alternate; their mean lengths are drawn window by
    window, evenly on a logarithmic scale.
    """
    lengths = rng.uniform(0, np.log(course.longest_run), (2, n_windows))
    change = np.exp(-lengths)  # chance per epoch, there or missing
    there = np.ones((n_windows, N_EPOCHS), bool)
    whole = rng.random(n_windows) >= course.fragmented
    for back in range(N_EPOCHS - 2, -1, -1):
        now = there[:, back + 1]
        changed = rng.random(n_windows) < np.where(now, change[0], change[1])
        there[:, back] = now ^ changed
    return there | whole[:, None]


def _float(values: NDArray[np.float64]) -> NDArray[np.float32]:
    return values.astype(np.float32)
