"""Write the surrogate epochs that training and evaluation read."""

import multiprocessing
from functools import partial
from pathlib import Path

import numpy as np

from gateway.preprocessing.band import Band
from training.dataset import Table, read_table, split
from training.surrogates import Generator

CHUNK = 1000
EVENNESS = 0.5


def generate(data: Path, work: Path, n_epochs: int, seed: int, workers: int) -> None:
    """Write ``{train,validation,test}.npz`` into `work`.

    Parameters
    ----------
    data : Path
        Folder that holds ``sleep_edf_features/time_domain.npz``.
    work : Path
        Made if absent.
    n_epochs : int
        Surrogates to train on; validation and test get a sixth each, drawn with
        the stages as frequent as they are.
    seed : int
        The files do not depend on `workers`.
    workers : int
    """
    work.mkdir(parents=True, exist_ok=True)
    generator = Generator(seed)
    parts = zip(("train", "validation", "test"), split(read_table(data)), strict=True)
    for number, (name, table) in enumerate(parts):
        drawn = (
            table.draw(n_epochs, EVENNESS, seed)
            if name == "train"
            else table.draw(n_epochs // 6, 0, seed + number)
        )
        uv = _in_parallel(generator, drawn, seed + 1000 * (number + 1), workers)
        np.savez(
            work / f"{name}.npz",
            uv=uv,
            stages=drawn.stages,
            subjects=drawn.subjects,
        )
        print(f"{name}: {len(uv)} surrogates of {len(set(drawn.subjects))} subjects")


def _in_parallel(
    generator: Generator, table: Table, seed: int, workers: int
) -> np.ndarray[tuple[int, ...], np.dtype[np.float16]]:
    firsts = range(0, len(table.stages), CHUNK)
    with multiprocessing.get_context("fork").Pool(
        workers, _inherit, (generator, table)
    ) as pool:
        return np.concatenate(pool.map(partial(_chunk, seed), firsts, chunksize=1))


class _Inherited:
    """What a forked worker shares with its parent instead of copying it."""

    generator: Generator
    table: Table


def _inherit(generator: Generator, table: Table) -> None:
    _Inherited.generator, _Inherited.table = generator, table


def _chunk(seed: int, first: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float16]]:
    where = slice(first, first + CHUNK)
    table = _Inherited.table
    uv = _Inherited.generator.make(
        table.rows[where], table.bands[where], table.stages[where], Band(), seed + first
    )
    return uv.clip(-60_000, 60_000).astype(np.float16)
