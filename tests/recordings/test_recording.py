from datetime import UTC, datetime

import numpy as np

from gateway.acquisition.montage import Channel, Modality, Montage, Stream
from gateway.recordings.recording import Recording

MONTAGE = Montage(
    (
        Stream(51.2, (Channel("Fpz-Cz", Modality.EEG, 0.1),)),
        Stream(1.0, (Channel("EMG", Modality.EMG, 0.1),)),
    )
)
NIGHT = Recording(
    name="a night",
    montage=MONTAGE,
    counts=(np.arange(512, dtype=np.int16)[None], np.arange(10, dtype=np.int16)[None]),
    start_utc=datetime(2026, 2, 13, 23, 0, tzinfo=UTC),
)


def test_a_recording_lasts_as_long_as_its_shortest_stream():
    assert NIGHT.duration_s == 10.0


def test_a_part_of_a_recording_keeps_its_streams_aligned():
    part = NIGHT.between(3, 7)
    assert part.counts[1].tolist() == [[3, 4, 5, 6]]
    assert part.counts[0][0, [0, -1]].tolist() == [154, 358]
    assert part.start_utc == datetime(2026, 2, 13, 23, 0, 3, tzinfo=UTC)
    assert part.name == NIGHT.name
