"""Fit every fold with every seed, score who was left out, and add it all up."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from training.evaluate.intervals import ScoredEpochs, figures, joined
from training.network.temperature import fit_temperature, probabilities
from training.progress import Progress
from training.sleep_edf.course import SleepEdfSettings
from training.sleep_edf.folds import Fold, divide, final_fold
from training.sleep_edf.nights import Epochs, PreparedNight

DATA = "Sleep-EDF Expanded 1.0.0 (PhysioNet, ODC-By)"
WEIGHTS, RESULT, SCORED, STATE = "weights.npz", "result.json", "test.npz", "state.npz"


@dataclass(frozen=True, slots=True)
class CrossvalidationPlan:
    """Plan of what is to be fitted.

    Attributes
    ----------
    protocol : str
        ``"subjects"``, ``"paper"`` or ``"final"``.
    folds : sequence of Fold
    seeds : sequence of int
    """

    protocol: str
    folds: Sequence[Fold]
    seeds: Sequence[int]


def plan(
    nights: Sequence[PreparedNight],
    protocol: str,
    seeds: Sequence[int],
    n_folds: int | None = None,
) -> CrossvalidationPlan:
    """Divide the nights as `protocol` says."""
    names = [night.name for night in nights]
    if protocol == "final":
        return CrossvalidationPlan(protocol, [final_fold(names)], seeds)
    return CrossvalidationPlan(protocol, divide(names, protocol, n_folds), seeds)


def cross_validate(
    nights: Sequence[PreparedNight],
    what: CrossvalidationPlan,
    runs: Path,
    course: SleepEdfSettings,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Fit what is not fitted yet; return the table of all folds, one per seed.

    Writes ``folds.json`` and, for each fold and seed, weights, answers and result
    below ``runs/PROTOCOL``; killed and started again, it goes on where it was.
    """
    folder = runs / what.protocol
    folder.mkdir(parents=True, exist_ok=True)
    lists = [fold.document() for fold in what.folds]
    _write_json(folder / "folds.json", lists)
    progress = progress or Progress(f"train, {what.protocol}")
    by_name = {night.name: night for night in nights}
    jobs = [(n, fold, seed) for n, fold in enumerate(what.folds) for seed in what.seeds]
    for number, (at, fold, seed) in enumerate(jobs):
        title = f"fold {at + 1} of {len(what.folds)}, seed {seed}"
        told = _Teller(progress, title, number, len(jobs), course.passes)
        told(0, "")
        where = folder / f"fold-{at:02}" / f"seed-{seed}"
        choose_by = "accuracy" if what.protocol == "paper" else "kappa"
        one = replace(course, seed=seed, choose_by=choose_by)
        _fit_fold(by_name, fold, one, where, told)
    progress.show(1.0)
    result = _added_up(folder, what, nights, course)
    _write_json(folder / RESULT, result)
    return result


class _Teller:
    """Tell the progress of all jobs by the passes of one."""

    def __init__(
        self, progress: Progress, title: str, number: int, n_jobs: int, passes: int
    ) -> None:
        self._progress, self._title = progress, title
        self._number, self._n_jobs, self._passes = number, n_jobs, passes

    def __call__(self, passes: int, note: str) -> None:
        done = (self._number + passes / self._passes) / self._n_jobs
        note = f"{self._title}, {note}" if note else self._title
        self._progress.show(min(done, 0.9999), note)


def _fit_fold(
    by_name: Mapping[str, PreparedNight],
    fold: Fold,
    course: SleepEdfSettings,
    where: Path,
    told: Callable[[int, str], None],
) -> None:
    key = {"course": asdict(course), "fold": fold.document()}
    done = where / RESULT
    if done.exists() and json.loads(done.read_text())["key"] == key:
        return
    from training.sleep_edf.fit import fit  # noqa: PLC0415 (TensorFlow)
    from training.sleep_edf.inference import logits_of  # noqa: PLC0415 (TensorFlow is slow)

    where.mkdir(parents=True, exist_ok=True)
    validation = Epochs([by_name[name] for name in fold.validation])
    train = Epochs([by_name[name] for name in fold.train])
    weights, curve = fit(train, validation, course, where / STATE, told)
    temperature = fit_temperature(logits_of(weights, validation), validation.stages)
    np.savez(where / WEIGHTS, **weights)
    if fold.test:
        test = Epochs([by_name[name] for name in fold.test])
        proba = probabilities(logits_of(weights, test), temperature)
        np.savez(where / SCORED, subjects=test.subjects, true=test.stages, proba=proba)
    note = {"key": key, "curve": curve, "temperature": temperature}
    _write_json(where / RESULT, note)
    (where / STATE).unlink()


def read_scored(where: Path) -> ScoredEpochs:
    """Read what one fold's network said of those left out."""
    with np.load(where / SCORED) as archive:
        return ScoredEpochs(archive["subjects"], archive["true"], archive["proba"])


def _added_up(
    folder: Path,
    what: CrossvalidationPlan,
    nights: Sequence[PreparedNight],
    course: SleepEdfSettings,
) -> dict[str, Any]:
    tables = {}
    for seed in what.seeds if what.protocol != "final" else ():
        folds = range(len(what.folds))
        scored = [read_scored(folder / f"fold-{n:02}" / f"seed-{seed}") for n in folds]
        tables[f"seed {seed}"] = figures(joined(scored))
    return {
        "data": DATA,
        "nights": [night.name for night in nights],
        "prepared": nights[0].about["prepared"],
        "protocol": what.protocol,
        "folds": [fold.document() for fold in what.folds],
        "course": {k: v for k, v in asdict(course).items() if k != "seed"},
        "seeds": list(what.seeds),
        "precision": "float32",
        "figures": tables,
    }


def _write_json(path: Path, document: object) -> None:
    unfinished = path.with_suffix(".partial")
    unfinished.write_text(json.dumps(document, indent=1))
    unfinished.replace(path)
