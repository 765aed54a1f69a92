"""Score a recording with the objects the daemon uses, in the same order. Pure."""

from collections.abc import Iterator
from datetime import UTC, datetime

import numpy as np

from gateway.acquisition.lane import LAG_S
from gateway.acquisition.montage import HeadbandInfo
from gateway.acquisition.packets import SamplePacket, Tick
from gateway.errors import ConfigError, RecordingError
from gateway.outputs import Output
from gateway.pipeline import Night
from gateway.recordings.edf_night import EdfNight
from gateway.recordings.recording import Recording

NO_DATE = datetime(1985, 1, 1, tzinfo=UTC)  # EDF's first year: a date to stand for none
PAUSE_S = 60  # without samples: a connection would have been made anew
SLACK_S = 0.01


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
            window = counts[:, start : stream.first_sample(second + 1)]
            if window.shape[1]:
                t_rx = (start + window.shape[1]) / stream.sfreq
                yield SamplePacket(at, start, window.astype(np.int32), t_rx)


def score(recording: Recording | EdfNight, night: Night) -> Iterator[Output]:
    """Yield what the daemon would say of `recording`, then its counts and summary.

    Raises
    ------
    RecordingError
        If the recording has no channel that the model can use, or breaks off while
        it is read.
    """
    start_utc = recording.start_utc or NO_DATE
    night.tick(Tick(0.0, start_utc, synchronised=False))
    info = HeadbandInfo(recording.montage, boot_id=0)
    try:
        night.begin(info)
    except ConfigError as error:
        raise RecordingError(f"{recording.name}: {error}") from error
    read = (
        packets(recording)
        if isinstance(recording, Recording)
        else _played(recording, night, info)
    )
    for packet in read:
        yield from night.place(packet)
    if isinstance(recording, EdfNight):
        yield from night.lapse(recording.duration_s + LAG_S + SLACK_S)
    yield night.tally
    yield from night.close()


def _played(
    recording: EdfNight, night: Night, info: HeadbandInfo
) -> Iterator[SamplePacket]:
    """Yield the packets of a file, whose pauses are those of a headband gone away."""
    reached_s: float | None = None
    for packet in recording.packets():
        begins_s = packet.index / recording.montage.streams[packet.stream].sfreq
        if reached_s is None:
            night.skip_to(int(begins_s))
        elif begins_s > reached_s + PAUSE_S:
            night.begin(info)
        reached_s = max(packet.t_rx, reached_s or 0.0)
        yield packet
