"""What other programs find in a recording: edfio, pyedflib and MNE.

    python -m tests.acceptance.recording.readers FILE

prints as JSON what they agree about, and what they do not.
"""

import json
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import edfio
import mne
import numpy as np
import pyedflib

from gateway.recorder.integrity import survey

PREFIX, GAP, OF_CHANNEL = "Sleep stage", "BAD_gap", "@@"
Said = tuple[float, float, str]  # onset, duration, text


class Found(NamedTuple):
    """The counts of the first signal, and what is annotated."""

    counts: Any
    said: list[Said]

    @property
    def stages(self) -> list[tuple[float, str]]:
        """The stages with their onsets, in the order of time."""
        return sorted(
            (round(onset, 3), text)
            for onset, _, text in self.said
            if text.startswith(PREFIX)
        )

    @property
    def gap_s(self) -> float:
        """Seconds that are said to be lost, of the channel that lost most."""
        lost: Counter[str] = Counter()
        for _, duration, text in self.said:
            if text.partition(OF_CHANNEL)[0] == GAP:
                lost[text.partition(OF_CHANNEL)[2]] += duration
        return lost.pop("", 0.0) + max(lost.values(), default=0.0)


def _by_edfio(path: Path) -> Found:
    edf = edfio.read_edf(path)
    said = [(float(a.onset), float(a.duration or 0), a.text) for a in edf.annotations]
    return Found(np.array(edf.signals[0].digital), said)


def _by_pyedflib(path: Path) -> Found:
    with pyedflib.EdfReader(str(path)) as file:
        onsets, durations, texts = file.readAnnotations()
        counts = file.readSignal(0, digital=True)
    said = zip(onsets.tolist(), durations.tolist(), map(str, texts), strict=True)
    return Found(counts, [(at, max(length, 0.0), text) for at, length, text in said])


def _by_mne(path: Path) -> Found:
    raw = mne.io.read_raw_edf(path, verbose="error")
    said = [
        (
            float(a["onset"]),
            float(a["duration"]),
            OF_CHANNEL.join((str(a["description"]), *a.get("ch_names", ()))),
        )
        for a in raw.annotations
    ]
    uv = raw.get_data(picks=[0])[0] * 1e6
    signal = survey(path).header.signals[0]
    low, high = float(signal.physical_min), float(signal.physical_max)
    least, most = signal.digital_min, signal.digital_max
    return Found(np.rint((uv - low) * (most - least) / (high - low)) + least, said)


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


def agreed(path: Path) -> tuple[dict[str, Found], list[str]]:
    """Return what each reader finds, and in what they differ."""
    found, wrong = {}, []
    for name, read in READERS.items():
        try:
            found[name] = read(path)
        except REFUSALS as error:
            wrong.append(f"{name}: {error}")
    for name, one in found.items():
        other = found.get("edfio", one)
        if not np.array_equal(one.counts, other.counts):
            wrong.append(f"{name}: other samples than edfio")
        if one.stages != other.stages or not one.stages:
            wrong.append(f"{name}: other stages than edfio")
        if round(one.gap_s, 3) != round(other.gap_s, 3):
            wrong.append(f"{name}: {one.gap_s:g} s lost, edfio {other.gap_s:g} s")
    return found, wrong


def look(path: Path) -> Iterator[str]:
    """Yield what a reader does not find that is in the trial's recording."""
    n_samples = survey(path).n_records * 100
    found, wrong = agreed(path)
    yield from wrong
    for name, one in found.items():
        if len(one.counts) != n_samples:
            yield f"{name}: {len(one.counts)} samples, not {n_samples}"


def main() -> None:
    """Print what the readers agree about."""
    found, wrong = agreed(Path(sys.argv[1]))
    one = next(iter(found.values()), Found((), []))
    document = {
        "readers": [*found],
        "wrong": wrong,
        "n_samples": len(one.counts),
        "stages": one.stages,
        "gap_s": one.gap_s,
    }
    print(json.dumps(document))


if __name__ == "__main__":
    main()
