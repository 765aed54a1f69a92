"""What other programs find in a recording: edfio, pyedflib and MNE."""

import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import edfio
import mne
import numpy as np
import pyedflib

from gateway.record_file.survey import survey

PREFIX = "Sleep stage"


class Found(NamedTuple):
    """The counts of the first signal, and the stages with their onsets."""

    counts: Any
    stages: list[tuple[float, str]]


def _by_edfio(path: Path) -> Found:
    edf = edfio.read_edf(path)
    stages = [
        (float(a.onset), a.text) for a in edf.annotations if a.text.startswith(PREFIX)
    ]
    return Found(np.array(edf.signals[0].digital), stages)


def _by_pyedflib(path: Path) -> Found:
    with pyedflib.EdfReader(str(path)) as file:
        onsets, _, texts = file.readAnnotations()
        counts = file.readSignal(0, digital=True)
    pairs = zip(onsets.tolist(), map(str, texts), strict=True)
    return Found(counts, sorted(x for x in pairs if x[1].startswith(PREFIX)))


def _by_mne(path: Path) -> Found:
    raw = mne.io.read_raw_edf(path, verbose="error")
    stages = [
        (float(a["onset"]), str(a["description"]))
        for a in raw.annotations
        if str(a["description"]).startswith(PREFIX)
    ]
    volts = raw.get_data(picks=[0])[0]
    return Found(np.rint(volts * 1e6 / 0.05), stages)


READERS: dict[str, Callable[[Path], Found]] = {
    "edfio": _by_edfio,
    "pyedflib": _by_pyedflib,
    "MNE": _by_mne,
}
# all that these were seen to raise over files that they refuse
REFUSALS = (OSError, ValueError, RuntimeError, LookupError, UserWarning)


def opens(read: Callable[[Path], Found], path: Path) -> bool:
    """Tell whether a reader takes the file as it is."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            read(path)
    except REFUSALS:
        return False
    return True


def look(path: Path) -> Iterator[str]:
    """Yield what a reader does not find that is in the file."""
    n_samples = survey(path).n_records * 100
    found = {}
    for name, read in READERS.items():
        try:
            found[name] = read(path)
        except REFUSALS as error:
            yield f"{name}: {error}"
    for name, one in found.items():
        if len(one.counts) != n_samples:
            yield f"{name}: {len(one.counts)} samples, not {n_samples}"
        other = found["edfio"]
        if not np.array_equal(one.counts, other.counts):
            yield f"{name}: other samples than edfio"
        ours = [(round(at, 3), text) for at, text in one.stages]
        if ours != [(round(at, 3), text) for at, text in other.stages] or not ours:
            yield f"{name}: other stages than edfio"
