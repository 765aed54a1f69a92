"""Whole nights of surrogates, epoch after epoch as they were slept.

The table of features lacks the last epoch of every annotated bout, and so lacks
short bouts altogether; the table of band powers has the stage of every epoch. Its
order is kept, and each of its epochs takes the row of the other table that lies
equally far along the night among the rows of its stage.
"""

import multiprocessing
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gateway.preprocessing.filtering import Band, band_limit
from training.data.dataset import (
    N_STAGES,
    REAL_TEST_SUBJECTS,
    SPECTRAL,
    TEST_SUBJECTS,
    VALIDATION_SUBJECTS,
    Recorded,
    Table,
    read_table,
)
from training.progress import Progress
from training.surrogates.epochs import Generator
from training.surrogates.recorders import SurrogateRecorder, record
from training.surrogates.spectra import N_SAMPLES

UNSTAGED = -1
APART = "apart"  # people judged by on their real nights: no surrogate is made of them
CHUNK = 400


@dataclass(frozen=True, slots=True, eq=False)
class NightPlan:
    """A night to be made.

    Attributes
    ----------
    record : str
        ``"SC4ssN"``, subject and night.
    stages : ndarray of int8, shape (n_epochs,)
        0-4, or `UNSTAGED`.
    rows : ndarray of int64, shape (n_epochs,)
        Of the table; meaningless where unstaged.
    """

    record: str
    stages: NDArray[np.int8]
    rows: NDArray[np.int64]

    @property
    def is_for_training(self) -> bool:
        """Tell whether its subject is neither for validation nor for the test."""
        return _part(self.record) == "train"


def plan_nights(data: Path, table: Table) -> list[NightPlan]:
    """Return every night of the tables.

    First nights come before second ones, held-out subjects before the others, so
    that whoever stops early has all subjects.
    """
    with np.load(data / SPECTRAL) as archive:
        labels, epochs = archive["labels"], archive["epoch"]
        nights = archive["record"]
    plans = []
    for name in np.unique(nights):
        here = np.flatnonzero(nights == name)
        stages = labels[here[epochs[here].argsort(kind="stable")]]
        stages = np.where((stages >= 0) & (stages < N_STAGES), stages, UNSTAGED)
        plans.append(_matched(str(name), stages.astype(np.int8), table))
    return sorted(plans, key=lambda p: (p.record[5], p.is_for_training, p.record))


def make_nights(
    data: Path, work: Path, seed: int, workers: int, n_nights: int | None = None
) -> None:
    """Write ``nights/SC4ssN.npz`` into `work`, skipping those already there.

    Nights to be trained on are left as the electrodes would give them: the training
    loop draws a recorder per epoch and pass. The others are recorded, each by one
    random recorder.

    Parameters
    ----------
    data, work : Path
    seed : int
    workers : int
        Processes.
    n_nights : int or None
        At most so many to be trained on, and of the other subjects all first nights.
    """
    folder = work / "nights"
    folder.mkdir(parents=True, exist_ok=True)
    table = read_table(data)
    generator = Generator(seed)
    with multiprocessing.get_context("fork").Pool(
        workers, _inherit, (generator, table)
    ) as pool:
        planned = chosen(plan_nights(data, table), n_nights)
        plans = [plan for plan in planned if _part(plan.record) != APART]
        paths = [folder / f"{plan.record}.npz" for plan in plans]
        progress = Progress("nights")
        progress.show(sum(path.exists() for path in paths) / len(paths))
        for plan, path in zip(plans, paths, strict=True):
            if not path.exists():
                _write(path, plan, _uv(pool, plan, seed))
                made = sum(path.exists() for path in paths)
                progress.show(made / len(paths), plan.record)


def chosen(plans: list[NightPlan], n_nights: int | None) -> list[NightPlan]:
    """Return the first `n_nights` to train on and everyone else's first; None: all."""
    if n_nights is None:
        return plans
    for_training = [plan for plan in plans if plan.is_for_training][:n_nights]
    others = [plan for plan in plans if _part(plan.record) not in ("train", APART)]
    return [plan for plan in others if plan.record[5] == "1"] + for_training


def _uv(
    pool: "multiprocessing.pool.Pool", plan: NightPlan, seed: int
) -> NDArray[np.float16]:
    number = zlib.crc32(f"{plan.record} {seed}".encode())
    staged = np.flatnonzero(plan.stages != UNSTAGED)
    pieces = [
        (plan.rows[some], plan.stages[some])
        for some in np.split(staged, range(CHUNK, len(staged), CHUNK))
    ]
    # without a recorder of its own, a night is band-limited only
    rng = np.random.default_rng(number)
    recorder = None if plan.is_for_training else SurrogateRecorder.draw(1, rng)
    made = pool.starmap(
        partial(_chunk, recorder),
        [(*piece, number + at) for at, piece in enumerate(pieces)],
    )
    uv = np.zeros((len(plan.stages), 3, N_SAMPLES), np.float16)
    uv[staged] = np.concatenate(made)
    return uv


def _write(path: Path, plan: NightPlan, uv: NDArray[np.float16]) -> None:
    unfinished = path.with_suffix(".part")
    with unfinished.open("wb") as file:
        np.savez(file, uv=uv, stages=plan.stages)
    unfinished.replace(path)


def _matched(record: str, stages: NDArray[np.int8], table: Table) -> NightPlan:
    rows = np.zeros(len(stages), np.int64)
    for stage in range(N_STAGES):
        wanted = np.flatnonzero(stages == stage)
        there = np.flatnonzero((table.records == record) & (table.stages == stage))
        if not len(there):  # bouts of one epoch only: nothing to make it of
            stages[wanted] = UNSTAGED
            continue
        along = (np.arange(len(wanted)) + 0.5) / max(1, len(wanted))
        rows[wanted] = there[(along * len(there)).astype(int)]
    return NightPlan(record, stages, rows)


class _Inherited:
    """Data that a forked worker shares with its parent instead of copying it."""

    generator: Generator
    table: Table


def _inherit(generator: Generator, table: Table) -> None:
    _Inherited.generator, _Inherited.table = generator, table


def _chunk(
    recorder: SurrogateRecorder | None,
    rows: NDArray[np.int64],
    stages: NDArray[np.int8],
    seed: int,
) -> NDArray[np.float16]:
    table = _Inherited.table
    uv = _Inherited.generator.unrecorded(
        table.rows[rows], table.bands[rows], stages, seed
    )
    if recorder is not None:
        uv = record(uv, recorder, np.random.default_rng(seed))
    band = Band()
    limited = band_limit(uv.reshape(-1, N_SAMPLES).astype(np.float32), 100.0, band)
    return limited.reshape(uv.shape).clip(-60_000, 60_000).astype(np.float16)


@dataclass(frozen=True, slots=True, eq=False)
class SurrogateNight:
    """A night of surrogates.

    Attributes
    ----------
    record : str
        ``"SC4ssN"``, subject and night.
    uv : ndarray of float16, shape (n_epochs, 3, 3000)
        Band-limited; zeros where unstaged.
    stages : ndarray of int8, shape (n_epochs,)
        0-4, or `UNSTAGED`.
    """

    record: str
    uv: NDArray[np.float16]
    stages: NDArray[np.int8]


def read_nights(
    work: Path, part: str, n_nights: int | None = None
) -> Iterator[SurrogateNight]:
    """Yield the nights made so far of a part of the subjects, first nights first.

    Parameters
    ----------
    work : Path
    part : str
        ``"train"``, ``"validation"`` or ``"test"``.
    n_nights : int or None
        At most so many.
    """
    paths = sorted((work / "nights").glob("*.npz"), key=lambda p: (p.stem[5], p.stem))
    of_part = [path for path in paths if _part(path.stem) == part]
    for path in of_part[:n_nights]:
        with np.load(path) as night:
            yield SurrogateNight(path.stem, night["uv"], night["stages"])


def staged(nights: Iterable[SurrogateNight]) -> Recorded:
    """Return the staged epochs of some nights; they stay float16, 20 MB a night."""
    uv, stages, subjects = [], [], []
    for night in nights:
        keep = night.stages != UNSTAGED
        uv.append(night.uv[keep])
        stages.append(night.stages[keep])
        subjects += [night.record[3:5]] * int(keep.sum())
    return Recorded(np.concatenate(uv), np.concatenate(stages), np.array(subjects))


def _part(record: str) -> str:
    subject = record[3:5]
    if subject in REAL_TEST_SUBJECTS:
        return APART
    if subject in TEST_SUBJECTS:
        return "test"
    return "validation" if subject in VALIDATION_SUBJECTS else "train"
