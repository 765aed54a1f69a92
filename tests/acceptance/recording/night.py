"""A night of which every sample, gap and stage is known. Repeatable."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gateway.acquisition.montage import Channel, HeadbandInfo, Modality, Montage, Stream
from gateway.acquisition.packets import SampleBlock
from gateway.edf.record_writer import END, GAP, UNRECORDED
from gateway.edf.signals import lay_out
from gateway.messages.outputs import Output, Reading, SignalBegins
from gateway.recorder.integrity import annotations, samples, survey
from gateway.staging.events import EventKind, SleepEvent
from gateway.staging.scored_epoch import ScoredEpoch
from gateway.staging.stage import STAGES

BEGAN = datetime(2026, 2, 12, 22, 1, 5, 345_678, tzinfo=UTC)
EPOCH_S = 30
SFREQ, SLOW = 100, 1
MARK_EVERY_S = 7
DEVICE, SESSION = "bedroom", "01J8ZQ6T5R"


def _channel(label: str, modality: Modality, zero: int = 0) -> Channel:
    return Channel(label, modality, 0.05, zero)


MONTAGE = Montage(
    (
        Stream(
            float(SFREQ),
            (_channel("Fpz-Cz", Modality.EEG), _channel("EOG", Modality.EOG, 5)),
        ),
        Stream(float(SLOW), (_channel("EMG", Modality.EMG),)),
    )
)


class Second(NamedTuple):
    """What the headband recorded in a second, and what of it arrived."""

    counts: tuple[NDArray[np.int32], ...]
    present: tuple[NDArray[np.bool_], ...]


def second(number: int) -> Second:
    """Make up a second; one in ten has a gap, one in twenty is lost."""
    dice = np.random.default_rng(number)
    sizes = [(len(stream.channels), int(stream.sfreq)) for stream in MONTAGE.streams]
    counts = tuple(dice.integers(-(2**15), 2**15, n).astype(np.int32) for n in sizes)
    present = tuple(np.ones(n, np.bool_) for _, n in sizes)
    luck = dice.random()
    if number and luck < 0.05:
        present = tuple(np.zeros(n, np.bool_) for _, n in sizes)
    elif luck < 0.15:
        first = int(dice.integers(1, SFREQ))
        present[0][first : first + int(dice.integers(1, SFREQ))] = False
    return Second(counts, present)


def begins() -> SignalBegins:
    """Return what is told before the first block."""
    return SignalBegins(
        info=HeadbandInfo(MONTAGE),
        start_utc=BEGAN,
        synchronised=True,
        derivations={"EEG Fpz-Cz": ("Fpz-Cz",), "EOG horizontal": ("EOG",)},
        mains_hz=50,
        driver="diy",
    )


def outputs(start: int, end: int) -> Iterator[tuple[int, Output]]:
    """Yield what the pipeline says from second `start` to before `end`."""
    yield start, begins()
    for number in range(start, end):
        counts, present = second(number)
        if any(mask.any() for mask in present):
            uv = tuple(
                stream.to_microvolts(c) * mask
                for stream, c, mask in zip(
                    MONTAGE.streams, counts, present, strict=True
                )
            )
            first = tuple(int(s.sfreq) * number for s in MONTAGE.streams)
            yield number, SampleBlock(number, uv, present, float(number), first)
        if number % MARK_EVERY_S == 0:
            when = BEGAN + timedelta(seconds=number)
            yield (
                number,
                SleepEvent(
                    EventKind.MARKER, when, second=float(number), text=f"mark {number}"
                ),
            )
        if (number + 1) % EPOCH_S == 0:
            yield number, _epoch(number // EPOCH_S)


def reading(value: Output) -> Reading:
    """Wrap an output."""
    return Reading(DEVICE, SESSION, "model", "0" * 12, (), value)


def _epoch(index: int) -> ScoredEpoch:
    span = tuple(
        range(int(s.sfreq) * EPOCH_S * index, int(s.sfreq) * EPOCH_S * (index + 1))
        for s in MONTAGE.streams
    )
    start_utc = BEGAN + timedelta(seconds=EPOCH_S * index)
    stage = STAGES[index % len(STAGES)]
    return ScoredEpoch(index, start_utc, stage, (), (), None, 0.0, span)


def recording_errors(
    path: Path, holes: Sequence[range], n_seconds: int
) -> Iterator[str]:
    """Yield what is wrong with a recording.

    Parameters
    ----------
    path : Path
    holes : sequence of range
        Seconds that were not recorded.
    n_seconds : int
        Up to which there must be something.
    """
    known = survey(path)
    if not known.is_whole:
        yield f"{known.n_promised} records promised, {known.n_records} whole"
    if known.n_records < n_seconds:
        yield f"{known.n_records} records, not {n_seconds}"
    told = _told(path, known.n_records, known.offset_us)
    for record, rows in enumerate(samples(path)):
        lost = any(record in hole for hole in holes) or record >= n_seconds
        counts, present = second(record)
        flat = [row for stream in counts for row in stream]
        masks = [m for c, m in zip(counts, present, strict=True) for _ in c]
        for row, expected, mask, said in zip(rows, flat, masks, told, strict=True):
            size = mask.size
            held = said[record * size : (record + 1) * size]
            if lost and not held.all():
                yield f"second {record} was never recorded, and is not annotated"
            elif not lost and not np.array_equal(held, ~mask):
                yield f"second {record}: {held.sum()} samples annotated"
            elif not np.array_equal(row[~held], expected[~held]):
                yield f"second {record}: other samples"


def _told(path: Path, n_records: int, offset_us: int) -> list[NDArray[np.bool_]]:
    """Return which samples of each signal are said to be missing."""
    layout = lay_out(MONTAGE)
    labels = [
        (label, int(stream.sfreq))
        for at, stream in enumerate(MONTAGE.streams)
        for label in layout.labels(at)
    ]
    told = [np.zeros(n_records * sfreq, np.bool_) for _, sfreq in labels]
    for said in annotations(path):
        for (label, sfreq), mask in zip(labels, told, strict=True):
            wanted = {x for y in (GAP, UNRECORDED, END) for x in (y, f"{y}@@{label}")}
            if wanted & set(said.texts):
                edges = (said.onset_us - offset_us, said.end_us - offset_us)
                mask[slice(*(round(us * sfreq / 1e6) for us in edges))] = True
    return told


def stages_in(path: Path) -> list[tuple[float, str]]:
    """Return onset and text of every sleep stage, in the order of the file."""
    offset_us = survey(path).offset_us
    return [
        ((said.onset_us - offset_us) / 1e6, text)
        for said in annotations(path)
        for text in said.texts
        if text.startswith("Sleep stage")
    ]


def stages_of(n_epochs: int) -> list[tuple[float, str]]:
    """Return what `stages_in` must return after so many epochs."""
    return [
        (float(EPOCH_S * index), STAGES[index % len(STAGES)].edf_annotation)
        for index in range(n_epochs)
    ]
