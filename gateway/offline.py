"""Score a recording with the objects the daemon uses, in the same order. Pure."""

from collections.abc import Iterator
from datetime import UTC, datetime

import numpy as np

from gateway.acquisition.montage import HeadbandInfo
from gateway.acquisition.packets import SamplePacket, Tick
from gateway.outputs import Output
from gateway.pipeline import Night
from gateway.recordings.recording import Recording

NO_DATE = datetime(1985, 1, 1, tzinfo=UTC)  # EDF's first year: a date to stand for none


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


def score(recording: Recording, night: Night) -> Iterator[Output]:
    """Yield what the daemon would say of `recording`, then its counts and summary.

    Raises
    ------
    ConfigError
        If the recording has no channel that the model can use.
    """
    start_utc = recording.start_utc or NO_DATE
    night.tick(Tick(0.0, start_utc, synchronised=False))
    night.begin(HeadbandInfo(recording.montage, boot_id=0))
    for packet in packets(recording):
        yield from night.place(packet)
    yield night.tally
    yield from night.close()
