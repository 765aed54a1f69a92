"""Small EDF+ recordings, ours and other programs', made byte by byte."""

from dataclasses import replace
from datetime import datetime

from gateway.acquisition.montage import Channel, Modality, Montage, Stream
from gateway.edf.annotations import Annotations
from gateway.edf.fields import recording_field
from gateway.edf.header import Header
from gateway.edf.signals import lay_out

START = datetime(2026, 3, 2, 22, 0)  # noqa: DTZ001 (local, as in the file)
LAYOUT = lay_out(Montage((Stream(100.0, (Channel("AF7", Modality.EEG, 0.5),)),)))


def header(*, is_ours=True):
    """Return the header of a recording of one channel at 100 Hz."""
    signals = LAYOUT.signals()
    if not is_ours:
        signals = (replace(signals[0], transducer="AgAgCl cup"), *signals[1:])
    recording = recording_field(START, code="01ABC", equipment="sleepgate_muse")
    return Header(
        patient="X X X X",
        recording=recording if is_ours else "Startdate 02-MAR-2026 X X X",
        start=START,
        record_us=LAYOUT.record_us,
        signals=signals,
    )


def ours(n_records, *, is_ours=True, start_s=range(10**6)):
    """Return the bytes of a recording; record n begins at `start_s[n]`."""
    lists = Annotations(LAYOUT.annotation_bytes)
    body = b"".join(
        bytes([n % 256, 0]) * 100 + lists.fill(start_s[n] * 1_000_000)
        for n in range(n_records)
    )
    return header(is_ours=is_ours).encode(n_records) + body
