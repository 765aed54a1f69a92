"""Score a recording with the objects the daemon uses, in the same order. Pure."""

from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from math import inf

import numpy as np

from gateway.acquisition.montage import HeadbandInfo
from gateway.acquisition.packets import ClockTick, SamplePacket
from gateway.acquisition.sample_grid import LAG_S, RecordedGrid, SampleGrid
from gateway.epoch_length import EPOCH_S
from gateway.errors import ConfigError, RecordingError
from gateway.messages.outputs import Output
from gateway.recordings.channel_labels import nearest
from gateway.recordings.edf_night import EdfNight
from gateway.recordings.recording import Recording
from gateway.session.pipeline import Night
from gateway.staging.events import EventKind
from gateway.staging.scored_epoch import Scorer

NO_DATE = datetime(1985, 1, 1, tzinfo=UTC)  # EDF's first year: a date to stand for none
PAUSE_S = 60  # without samples: a connection would have been made anew
SLACK_S = 0.01
MAINS_HZ = 50.0


def packets(recording: Recording) -> Iterator[SamplePacket]:
    """Yield the recording second by second, every stream in turn.

    `t_rx` is what a headband with a perfect clock and no radio would give.
    """
    streams = recording.montage.streams
    seconds = max(
        int(counts.shape[1] / stream.sfreq) + 1
        for stream, counts in zip(streams, recording.counts, strict=True)
    )
    for second in range(seconds):
        for at, (stream, counts) in enumerate(
            zip(streams, recording.counts, strict=True)
        ):
            start = stream.first_sample(second)
            end = min(stream.first_sample(second + 1), counts.shape[1])
            for first, stop in _present(start, end, recording.missing):
                window = counts[:, first:stop].astype(np.int32)
                yield SamplePacket(at, first, window, stop / stream.sfreq)


def _present(
    start: int, end: int, missing: tuple[tuple[int, int], ...]
) -> Iterator[tuple[int, int]]:
    """Yield what there is from `start` to `end`, between what is missing."""
    for first, stop in missing:
        if stop <= start or first >= end:
            continue
        if first > start:
            yield start, first
        start = stop
    if start < end:
        yield start, end


def night_for(
    recording: Recording | EdfNight, scorer: Scorer, mains_hz: float | None = None
) -> Night:
    """Return a night as it was configured when `recording` was made.

    Parameters
    ----------
    recording : Recording or EdfNight
    scorer : Scorer
    mains_hz : float or None
        None for what the recording says, or else 50.
    """
    if isinstance(recording, Recording):
        return Night(scorer, {}, mains_hz or MAINS_HZ, recording.derivations)
    if mains_hz is None and recording.session is not None:
        mains_hz = recording.session.mains_hz
    return Night(scorer, {}, mains_hz or MAINS_HZ, recording.derivations)


def start_of(recording: Recording | EdfNight) -> datetime:
    """Return when a recording began; without a date, the time of day on `NO_DATE`."""
    if recording.start_utc is not None:
        return recording.start_utc
    clock = None if isinstance(recording, Recording) else recording.edf.time_of_day
    return NO_DATE if clock is None else datetime.combine(NO_DATE, clock, tzinfo=UTC)


def score(recording: Recording | EdfNight, night: Night) -> Iterator[Output]:
    """Yield what the daemon would say of `recording`, then its counts and summary.

    Raises
    ------
    RecordingError
        If the recording has no channel that the model can use, or breaks off while
        it is read.
    """
    start_utc = start_of(recording)
    night.tick(ClockTick(0.0, start_utc, synchronised=False))
    info = HeadbandInfo(recording.montage, boot_id=0)
    grid = _grid(recording)
    try:
        night.begin(info, grid)
    except ConfigError as error:
        raise RecordingError(_without_input(recording, night, error)) from error
    if isinstance(recording, EdfNight):
        lights = deque((_true_s(at_s, grid), off) for at_s, off in recording.lights)
        for packet in _played(recording, night, info, grid):
            yield from _switched(lights, packet.t_rx, night)
            yield from night.push_packet(packet)
        end_s = _true_s(recording.duration_s, grid)
        yield from night.lapse(end_s + LAG_S + SLACK_S)
        yield from _switched(lights, inf, night)
    else:
        for packet in packets(recording):
            yield from night.push_packet(packet)
    yield night.loss_counts
    yield from night.close()


def _without_input(
    recording: Recording | EdfNight, night: Night, error: ConfigError
) -> str:
    """Return what to do about a recording without a channel for the model."""
    if isinstance(recording, Recording) or recording.session is not None:
        return f"{recording.name}: no EEG that the model can use: {error}"
    labels = [signal.label for signal in recording.edf.signals]
    inputs = night.inputs
    offered = nearest(inputs[0], labels)
    example = "" if offered is None else f", like --channel '{inputs[0]}={offered}'"
    return (
        f"{recording.edf.path}: no EEG that the model can use: the file has "
        f"{', '.join(map(repr, labels))}, the model takes {', '.join(inputs)}; choose "
        f"what to use{example}"
    )


def _switched(
    lights: deque[tuple[float, bool]], t: float, night: Night
) -> Iterator[Output]:
    """Yield what was marked before `t`, as if it were marked now."""
    while lights and lights[0][0] < t:
        at_s, off = lights.popleft()
        what = EventKind.LIGHTS_OFF if off else EventKind.LIGHTS_ON
        yield night.scoring_state.switch_lights(night.moment(what, at_s), off=off)


def _grid(recording: Recording | EdfNight) -> SampleGrid | None:
    """Return where the true seconds begin, if rates are rough and the file says it."""
    session = recording.session if isinstance(recording, EdfNight) else None
    if session is None or len(session.epochs) < 2:  # noqa: PLR2004 (an epoch has two ends)
        return None
    fastest = max(s.sfreq for s in recording.montage.streams if s.rough_rate)
    return RecordedGrid(fastest, session.epochs, EPOCH_S)


def _true_s(counted_s: float, grid: SampleGrid | None) -> float:
    return counted_s if grid is None else grid.second_at(counted_s * grid.sfreq)


def _played(
    recording: EdfNight, night: Night, info: HeadbandInfo, grid: SampleGrid | None
) -> Iterator[SamplePacket]:
    """Yield the packets of a file, whose pauses are those of a headband gone away."""
    reached_s: float | None = None
    for packet in recording.packets():
        sfreq = recording.montage.streams[packet.stream].sfreq
        begins_s = _true_s(packet.index / sfreq, grid)
        t_rx = _true_s(packet.t_rx, grid)
        if reached_s is None:
            night.skip_to(int(begins_s))
        elif begins_s > reached_s + PAUSE_S:
            night.begin(info)
        reached_s = max(t_rx, reached_s or 0.0)
        yield replace(packet, t_rx=t_rx)
