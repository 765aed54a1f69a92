"""Averaged weights fitted to real pieces, patients and surrogates at once.

Real validation people choose among the points of a run, nobody else: agreement with
the other validation sets is written down, not acted upon.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from training.data.dataset import Recorded
from training.evaluate.metrics import compare
from training.network.adam import Adam
from training.network.architecture import N_CLASSES, WIDTHS
from training.network.network import Network, Weights
from training.network.schedule import Schedule
from training.progress import Progress
from training.surrogates.augment import network_input

IMPOSSIBLE = 1e6  # taken from the logits of stages that a source does not hold


Augment = Callable[[NDArray[np.float32], np.random.Generator], NDArray[np.float32]]


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """Epochs of one kind to be trained on.

    Attributes
    ----------
    uv : ndarray of float16 or float32, shape (n_epochs, n, n_samples)
        Of the first `n` channels.
    stages : ndarray of int8, shape (n_epochs,)
    per_step : int
        Epochs drawn for each step.
    weight : float
        Of the mean loss of its epochs in the loss of a step.
    augment : callable
        Returns epochs as another recorder would have given them.
    certain : float
        Share of its loss that is of all five stages; the rest is of the stages that
        the source holds.
    """

    uv: NDArray[np.floating]
    stages: NDArray[np.integer]
    per_step: int
    weight: float
    augment: Augment
    certain: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class TrainingData:
    """Data that a network is trained on, and judged by along the way.

    Attributes
    ----------
    sources : sequence of Source
    validation : mapping of str to Recorded
        Other subjects.
    choose_by : sequence of str
        Of `validation`: the weights of the highest mean kappa over these are the ones
        kept; of none, the last.
    """

    sources: Sequence[Source]
    validation: Mapping[str, Recorded]
    choose_by: Sequence[str] = ()


class TrainingRun:
    """A training run that can be interrupted.

    Parameters
    ----------
    schedule : Schedule
    sources : sequence of Source
    path : Path
        Where its state is kept.
    """

    def __init__(
        self, schedule: Schedule, sources: Sequence[Source], path: Path
    ) -> None:
        n_channels = max(of.uv.shape[1] for of in sources)
        self.network = Network(n_channels, schedule.seed)
        self._optimiser = Adam(
            list(self.network.trainable.values()), schedule.weight_decay
        )
        self._schedule = schedule
        self._path = path
        self._step = _step_function(self.network, self._optimiser, schedule, sources)
        self.averaged = self.network.weights()
        self.best = dict(self.averaged)
        self.curve: list[dict[str, float]] = []
        self.done = 0

    def save(self) -> None:
        """Write down where it stands."""
        state = {f"averaged/{name}": of for name, of in self.averaged.items()}
        state |= {f"best/{name}": of for name, of in self.best.items()}
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
        self.best = {n: kept[f"best/{n}"] for n in self.averaged}
        self.network.assign({n: kept[f"now/{n}"] for n in self.network.weights()})
        self._optimiser.restore(kept)

    def advance(
        self,
        epochs: Sequence[NDArray[np.float32]],
        stages: Sequence[NDArray[np.integer]],
    ) -> float:
        """Take one step on augmented epochs, by source; return the loss.

        Parameters
        ----------
        epochs : sequence of ndarray of float32, shape (n_epochs, n, n_samples)
        stages : sequence of ndarray of int, shape (n_epochs,)
        """
        done = (self.done + 1) / self._schedule.steps
        rate = tf.constant(self._schedule.rate(done), tf.float32)
        xs = tuple(tf.constant(network_input(uv)) for uv in epochs)
        ys = tuple(tf.constant(of.astype(np.int32)) for of in stages)
        lot = tf.constant([self._schedule.seed, self.done], tf.int32)
        loss = float(self._step(xs, ys, rate, lot))
        self.averaged = _average(
            self.averaged, self.network.weights(), self._schedule.average, self.done
        )
        self.done += 1
        return loss

    def validate(self, material: TrainingData, loss: float) -> None:
        """Append kappa of every validation set to the curve; keep the best weights."""
        point = {"step": self.done, "loss": round(loss, 3)}
        for name, of in material.validation.items():
            scored = infer(self.averaged, of.uv).argmax(1)
            point[name] = round(compare(of.stages, scored).kappa, 3)
        by = material.choose_by
        before = [_mean(earlier, by) for earlier in self.curve]
        if _mean(point, by) >= max(before, default=-1.0):
            self.best = dict(self.averaged)
        self.curve.append(point)
        print(point, flush=True)

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
    sources = material.sources
    run = TrainingRun(schedule, sources, path)
    run.resume()
    chances = [_chances(of.stages, schedule.evenness) for of in sources]
    progress = Progress("train")
    while run.done < schedule.steps:
        progress.show(run.done / schedule.steps)
        rng = np.random.default_rng([schedule.seed, run.done])
        epochs, stages = [], []
        for of, chance in zip(sources, chances, strict=True):
            where = np.sort(np.searchsorted(chance, rng.random(of.per_step)))
            epochs.append(of.augment(of.uv[where].astype(np.float32), rng))
            stages.append(of.stages[where])
        loss = run.advance(epochs, stages)
        if run.done % schedule.validate_every == 0 or run.done == schedule.steps:
            run.validate(material, loss)
            run.save()
    return run


def _mean(point: Mapping[str, float], names: Sequence[str]) -> float:
    """Return the mean of the named figures of a point; 0 of none."""
    return sum(point[name] for name in names) / max(len(names), 1)


def _chances(stages: NDArray[np.integer], evenness: float) -> NDArray[np.float64]:
    counts = np.maximum(np.bincount(stages, minlength=N_CLASSES), 1)
    chance = (counts ** -float(evenness))[stages]
    return np.asarray(np.cumsum(chance / chance.sum()) * (1 - 1e-12))


def _possible(stages: NDArray[np.integer]) -> NDArray[np.float32]:
    """Return 1 for each stage that occurs, else 0, shape (5,)."""
    return np.isin(np.arange(N_CLASSES), stages).astype(np.float32)


def infer(
    weights: Mapping[str, NDArray[np.floating]], uv: NDArray[np.floating]
) -> NDArray[np.float32]:
    """Return the float network's logits, shape (n_epochs, 5).

    Parameters
    ----------
    weights : mapping of str to ndarray
    uv : ndarray, shape (n_epochs, n, n_samples)
        Microvolts of the first `n` channels; the others are absent.
    """
    n_channels = len(weights["hidden/kernel"]) // WIDTHS[-1]
    network = Network(n_channels, 0)
    network.assign(weights)
    run = tf.function(network.logits, reduce_retracing=True)
    absent = ((0, 0), (0, n_channels - uv.shape[1]), (0, 0))
    pieces = [
        run(tf.constant(network_input(np.pad(some, absent)))).numpy()
        for some in np.array_split(uv, max(1, len(uv) // 200))
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


def source_loss(
    source: Source,
    logits: tf.Tensor,
    stages: tf.Tensor,
    held: tf.Tensor,
    smoothing: float,
) -> tf.Tensor:
    """Return the loss of every epoch of a source.

    Parameters
    ----------
    source : Source
    logits : tensor of float32, shape (n, 5)
    stages : tensor of int32, shape (n,)
    held : tensor of float32, shape (n, 5)
        1 for the stages that the source holds, else 0.
    smoothing : float
    """
    among = surprise(logits, stages, held, smoothing)
    if not source.certain:
        return among
    of_all = surprise(logits, stages, tf.ones_like(held), smoothing)
    return source.certain * of_all + (1 - source.certain) * among


def _step_function(
    network: Network,
    optimiser: Adam,
    schedule: Schedule,
    sources: Sequence[Source],
) -> tf.types.experimental.PolymorphicFunction:
    variables = list(network.trainable.values())
    possible = [
        tf.constant(np.tile(_possible(of.stages), (of.per_step, 1))) for of in sources
    ]
    weights = [of.weight / sum(other.weight for other in sources) for of in sources]

    @tf.function
    def step(
        xs: tuple[tf.Tensor, ...],
        ys: tuple[tf.Tensor, ...],
        rate: tf.Tensor,
        lot: tf.Tensor,
    ) -> tf.Tensor:
        with tf.GradientTape() as tape:
            logits = network.train_logits_of(xs, lot)
            means = [
                weight
                * tf.reduce_mean(source_loss(of, at, y, held, schedule.smoothing))
                for weight, of, at, y, held in zip(
                    weights, sources, logits, ys, possible, strict=True
                )
            ]
            loss = tf.add_n(means)
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
