"""What a recording of our own says comes back, however long it is."""

from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway import drivers
from gateway.acquisition.montage import Channel, Modality, Montage, Stream
from gateway.edf.annotations import GOES_ON, AnnotationCounts, Annotations
from gateway.edf.file_reader import EdfAnnotation
from gateway.edf.header import Header
from gateway.edf.record_writer import RecordWriter
from gateway.edf.session_reader import read_session_fields
from gateway.edf.session_writer import SessionWriter
from gateway.edf.signals import lay_out
from gateway.edf.tal import Annotation, parse_annotations
from gateway.staging.events import EventKind, SleepEvent

MUSE = drivers.load("muse_athena").derivations["EEG Fpz-Cz"]
LONG = tuple(f"(AF7+AF8)/2-(TP9+TP10)/{n}" for n in range(2, 30))


MONTAGE = Montage((Stream(256.0, (Channel("AF7", Modality.EEG, 0.5),)),))
LAYOUT = lay_out(MONTAGE)
HEADER = Header(
    patient="X X X X",
    recording="Startdate X X X X",
    start=datetime(2026, 1, 1),  # noqa: DTZ001 (local, as in the file)
    record_us=LAYOUT.record_us,
    signals=LAYOUT.signals(),
)
SETTINGS = [
    EdfAnnotation(0.0, 0.0, text)
    for text in (
        "Start 2026-01-01T00:00:00+00:00, clock synchronised",
        "Mains 60 Hz",
        "Input EEG Fpz-Cz: AF7",
    )
]


@pytest.mark.parametrize("made_of", [MUSE, LONG])
def test_derivations_come_back_whole(made_of):
    waiting = Annotations(LAYOUT.annotation_bytes)
    for text in (f"Input EEG Fpz-Cz: {' | '.join(made_of)}", "Mains 60 Hz"):
        waiting.add(Annotation(0, None, (text,)))
    read = []
    while waiting:
        for said in parse_annotations(waiting.fill(0)):
            read += [EdfAnnotation(0.0, 0.0, text) for text in said.texts if text]
    session = read_session_fields(HEADER.encode(1), read)
    assert session.montage == MONTAGE
    assert session.derivations == {"EEG Fpz-Cz": made_of}
    assert session.mains_hz == 60


@pytest.mark.parametrize(
    "text",
    [
        "Input EEG Fpz-Cz: AF8",
        "Mains 50 Hz",
        "Start 1999-01-01T00:00:00+00:00, clock synchronised",
        "\u2026 | TP9-TP10",
    ],
)
def test_what_looks_like_a_setting_later_on_is_none(text):
    forged = [*SETTINGS, EdfAnnotation(300.0, 0.0, text)]
    head = HEADER.encode(1)
    plain, read = (read_session_fields(head, each) for each in (SETTINGS, forged))
    assert plain.derivations == {"EEG Fpz-Cz": ("AF7",)}
    assert (read.derivations, read.mains_hz) == (plain.derivations, plain.mains_hz)
    assert read.start_utc == plain.start_utc


@given(st.text(max_size=200))
@example("Sleep stage N3")
@example("Scored until here")
@example("Lights off")
@example("BAD_gap")
def test_a_marker_is_written_as_one_whatever_it_says(text):
    writer = SessionWriter(RecordWriter(LAYOUT, 0), ["EEG Fpz-Cz"])
    utc = datetime(2026, 1, 1, tzinfo=UTC)
    list(writer.push(SleepEvent(EventKind.MARKER, utc, second=0.0, text=text)))
    records = list(writer.close())
    counts = AnnotationCounts()
    texts = []
    for record in records:
        for annotation in parse_annotations(record[-LAYOUT.annotation_bytes :]):
            counts.add(annotation)
            texts += [t for t in annotation.texts if not t.startswith("BAD_end")]
    assert counts.n_epochs == 0
    first, *rest = filter(None, texts)
    assert first.startswith("Marker: ")
    assert all(each.startswith(GOES_ON) for each in rest)
