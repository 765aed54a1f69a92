"""A hypnogram as an EDF+ file of annotations, as Sleep-EDF has them. Pure.

Kemp & Olivan 2003, Clin. Neurophysiol. 114:1755: a file without signals has data
records of 0 s; the first annotation of each keeps the time.
"""

from collections.abc import Iterator
from math import ceil

from gateway.edf.annotations import UNSCORED
from gateway.edf.fields import MONTHS
from gateway.epoch_length import EPOCH_S
from gateway.staging.scored_night import ScoredNight
from gateway.staging.stage import Stage

LABEL = "EDF Annotations"
RECORD_BYTES = 4096


def hypnogram_edf(night: ScoredNight) -> bytes:
    """Write the stages as they were live, an annotation of 30 s for every epoch.

    Refused epochs are ``"Sleep stage ?"``. The header has the date and time of the
    recording, and 01.01.85 where it has no date.
    """
    records = list(_records(night))
    return _header(night, len(records)) + b"".join(records)


def _records(night: ScoredNight) -> Iterator[bytes]:
    keeping = b"+0\x14\x14\x00"
    record = keeping
    for epoch in night.epochs:
        stage = epoch.stage
        text = stage.edf_annotation if isinstance(stage, Stage) else UNSCORED
        onset_s = epoch.index * EPOCH_S
        tal = f"+{onset_s}\x15{EPOCH_S}\x14{text}\x14\x00".encode()
        if len(record) + len(tal) > RECORD_BYTES:
            yield record.ljust(RECORD_BYTES, b"\x00")
            record = keeping
        record += tal
    yield record.ljust(RECORD_BYTES, b"\x00")


def _header(night: ScoredNight, n_records: int) -> bytes:
    start = night.start_utc
    date = "X"
    if night.dated:
        date = f"{start.day:02d}-{MONTHS[start.month - 1]}-{start.year}"
    scorer = night.model.replace(" ", "_")
    fields = (
        ("0", 8),
        ("X X X X", 80),
        (f"Startdate {date} X sleepgate {scorer}", 80),
        (f"{start:%d.%m.%y}", 8),
        (f"{start:%H.%M.%S}", 8),
        ("512", 8),
        ("EDF+C", 44),
        (str(n_records), 8),
        ("0", 8),
        ("1", 4),
        # the one signal
        (LABEL, 16),
        ("", 80),
        ("", 8),
        *(("-1", 8), ("1", 8), ("-32768", 8), ("32767", 8)),
        ("", 80),
        (str(ceil(RECORD_BYTES / 2)), 8),
        ("", 32),
    )
    return b"".join(
        text.encode("ascii", "replace")[:width].ljust(width) for text, width in fields
    )
