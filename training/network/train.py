"""Fit the network to surrogates and to a few real epochs: averaged weights.

Surrogate accuracy may go on rising after real accuracy has begun to fall, so the
number of steps is fixed in advance rather than found by looking, and the agreement
with the real cuts along the way is written down, not acted upon.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from training.data.dataset import Recorded
from training.evaluate.metrics import compare
from training.network.adam import Adam
from training.network.architecture import N_CLASSES
from training.network.network import Network, Weights
from training.network.schedule import Schedule
from training.progress import Progress
from training.surrogates.augment import augment, network_input

IMPOSSIBLE = 1e6  # taken from the logits of stages that a source does not hold


@dataclass(frozen=True, slots=True, eq=False)
class TrainingData:
    """What a network is trained on, and looked at with along the way.

    Attributes
    ----------
    surrogates, real : Recorded
        To be trained on.
    looks : mapping of str to Recorded
        Other subjects.
    """

    surrogates: Recorded
    real: Recorded
    looks: Mapping[str, Recorded]


class TrainingRun:
    """A training run that can be interrupted.

    Parameters
    ----------
    schedule : Schedule
    n_channels : int
    path : Path
        Where its state is kept.
    """

    def __init__(self, schedule: Schedule, n_channels: int, path: Path) -> None:
        self.network = Network(n_channels, schedule.seed)
        self._optimiser = Adam(
            list(self.network.trainable.values()), schedule.weight_decay
        )
        self._schedule = schedule
        self._path = path
        self._step = _step_function(self.network, self._optimiser, schedule)
        self.averaged = self.network.weights()
        self.curve: list[dict[str, float]] = []
        self.done = 0

    def save(self) -> None:
        """Write down where it stands."""
        state = {f"averaged/{name}": of for name, of in self.averaged.items()}
        state |= {f"now/{name}": of for name, of in self.network.weights().items()}
        state |= self._optimiser.state()
        unfinished = self._path.with_suffix(".part")
        with unfinished.open("wb") as file:
            np.savez(file, done=self.done, note=json.dumps(self._note()), **state)
        unfinished.replace(self._path)

    def resume(self) -> None:
        """Go on from what was written down, if it is of the same schedule."""
        if not self._path.exists():
            return
        with np.load(self._path) as state:
            note = json.loads(str(state["note"]))
            if note["schedule"] != self._note()["schedule"]:
                return
            self.done, self.curve = int(state["done"]), note["curve"]
            kept = {name: state[name] for name in state.files}
        self.averaged = {
            name: kept[f"averaged/{name}"] for name in self.network.weights()
        }
        self.network.assign({n: kept[f"now/{n}"] for n in self.network.weights()})
        self._optimiser.restore(kept)

    def advance(
        self,
        uv: NDArray[np.float32],
        stages: NDArray[np.integer],
        possible: NDArray[np.float32],
    ) -> float:
        """Take one step on augmented epochs; return the loss.

        Parameters
        ----------
        uv : ndarray of float32, shape (n, n_channels, 3000)
        stages : ndarray of int, shape (n,)
        possible : ndarray of float32, shape (n, 5)
            1 for every stage that an epoch of its source can have, else 0.
        """
        done = (self.done + 1) / self._schedule.steps
        rate = tf.constant(self._schedule.rate(done), tf.float32)
        x, y = tf.constant(network_input(uv)), tf.constant(stages.astype(np.int32))
        lot = tf.constant([self._schedule.seed, self.done], tf.int32)
        loss = float(self._step(x, y, tf.constant(possible), rate, lot))
        self.averaged = _average(
            self.averaged, self.network.weights(), self._schedule.average, self.done
        )
        self.done += 1
        return loss

    def _note(self) -> dict[str, object]:
        return {"schedule": asdict(self._schedule), "curve": self.curve}


def train(material: TrainingData, schedule: Schedule, path: Path) -> TrainingRun:
    """Fit a network, going on from `path` if a run of this schedule is there.

    Where a source holds some of the stages only, as the apnoea patients do (mostly W
    and N3), the likelihood is that of the stage among those: else the network would
    learn which recorder shows which stages.

    Every step draws its epochs by its own number, so a run that was interrupted
    ends as one that was not.
    """
    tf.keras.utils.set_random_seed(schedule.seed)
    run = TrainingRun(schedule, material.surrogates.uv.shape[1], path)
    run.resume()
    sources = (material.surrogates, schedule.batch), (material.real, schedule.real)
    chances = [_chances(of.stages, schedule.evenness) for of, _ in sources]
    possible = np.concatenate(
        [np.tile(_possible(of.stages), (number, 1)) for of, number in sources]
    )
    progress = Progress("train")
    while run.done < schedule.steps:
        progress.show(run.done / schedule.steps)
        rng = np.random.default_rng([schedule.seed, run.done])
        uv, stages = [], []
        for (of, number), chance in zip(sources, chances, strict=True):
            where = np.sort(np.searchsorted(chance, rng.random(number)))
            uv.append(of.uv[where].astype(np.float32))
            stages.append(of.stages[where])
        augmented = augment(np.concatenate(uv), rng)
        loss = run.advance(augmented, np.concatenate(stages), possible)
        if run.done % schedule.look_every == 0 or run.done == schedule.steps:
            _look(run, material.looks, loss)
            run.save()
    return run


def _chances(stages: NDArray[np.integer], evenness: float) -> NDArray[np.float64]:
    counts = np.maximum(np.bincount(stages, minlength=N_CLASSES), 1)
    chance = (counts ** -float(evenness))[stages]
    return np.asarray(np.cumsum(chance / chance.sum()) * (1 - 1e-12))


def _possible(stages: NDArray[np.integer]) -> NDArray[np.float32]:
    """Return 1 for each stage that occurs, else 0, shape (5,)."""
    return np.isin(np.arange(N_CLASSES), stages).astype(np.float32)


def _look(run: TrainingRun, looks: Mapping[str, Recorded], loss: float) -> None:
    point = {"step": run.done, "loss": round(loss, 3)}
    for name, of in looks.items():
        scored = infer(run.averaged, of.uv).argmax(1)
        point[name] = round(compare(of.stages, scored).kappa, 3)
    run.curve.append(point)
    print(point, flush=True)


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


def surprise(
    logits: tf.Tensor, stages: tf.Tensor, possible: tf.Tensor, smoothing: float
) -> tf.Tensor:
    """Return the cross-entropy of every epoch's stage among the possible ones.

    Parameters
    ----------
    logits : tensor of float32, shape (n, 5)
    stages : tensor of int32, shape (n,)
    possible : tensor of float32, shape (n, 5)
        1 or 0.
    smoothing : float
        Of the label, over what is possible.
    """
    evenly = possible / tf.reduce_sum(possible, axis=1, keepdims=True)
    target = tf.one_hot(stages, N_CLASSES) * (1 - smoothing) + evenly * smoothing
    among = logits + (possible - 1) * IMPOSSIBLE
    return tf.nn.softmax_cross_entropy_with_logits(target, among)


def _step_function(
    network: Network, optimiser: Adam, schedule: Schedule
) -> tf.types.experimental.PolymorphicFunction:
    variables = list(network.trainable.values())

    @tf.function
    def step(
        x: tf.Tensor,
        stages: tf.Tensor,
        possible: tf.Tensor,
        rate: tf.Tensor,
        lot: tf.Tensor,
    ) -> tf.Tensor:
        with tf.GradientTape() as tape:
            logits = network.train_logits(x, lot)
            losses = surprise(logits, stages, possible, schedule.smoothing)
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
