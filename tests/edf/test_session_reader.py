"""What a recording of our own says comes back, however long it is."""

from datetime import datetime

import pytest

from gateway import drivers
from gateway.acquisition.montage import Channel, Modality, Montage, Stream
from gateway.edf.annotations import Annotations
from gateway.edf.file_reader import EdfAnnotation
from gateway.edf.header import Header
from gateway.edf.session_reader import read_session_fields
from gateway.edf.signals import lay_out
from gateway.edf.tal import Annotation, parse_annotations

MUSE = drivers.load("muse_athena").derivations["EEG Fpz-Cz"]
LONG = tuple(f"(AF7+AF8)/2-(TP9+TP10)/{n}" for n in range(2, 30))


@pytest.mark.parametrize("made_of", [MUSE, LONG])
def test_derivations_come_back_whole(made_of):
    montage = Montage((Stream(256.0, (Channel("AF7", Modality.EEG, 0.5),)),))
    layout = lay_out(montage)
    header = Header(
        patient="X X X X",
        recording="Startdate X X X X",
        start=datetime(2026, 1, 1),  # noqa: DTZ001 (local, as in the file)
        record_us=layout.record_us,
        signals=layout.signals(),
    )
    waiting = Annotations(layout.annotation_bytes)
    for text in (f"Input EEG Fpz-Cz: {' | '.join(made_of)}", "Mains 60 Hz"):
        waiting.add(Annotation(0, None, (text,)))
    read = []
    while waiting:
        for said in parse_annotations(waiting.fill(0)):
            read += [EdfAnnotation(0.0, 0.0, text) for text in said.texts if text]
    session = read_session_fields(header.encode(1), read)
    assert session.montage == montage
    assert session.derivations == {"EEG Fpz-Cz": made_of}
    assert session.mains_hz == 60
