"""Session fields of a recording that Sleepgate wrote, beyond the standard. Pure.

Eight characters of a physical range do not give a calibration back, and where a rate
is rough the file's clock is not the night's: see docs/recording.md for the words that
say both exactly.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from gateway.acquisition.montage import Montage
from gateway.edf.annotations import GOES_ON, STAGE
from gateway.edf.file_reader import EdfAnnotation
from gateway.edf.header import ANNOTATIONS, parse_header
from gateway.edf.session_writer import SCORED_UNTIL
from gateway.edf.signals import montage_of

START, INPUT, MAINS, HZ = "Start ", "Input ", "Mains ", " Hz"
ABSENT, OR = "absent", " | "


@dataclass(frozen=True, slots=True, eq=False)
class SessionFields:
    """Settings by which a session was recorded and scored.

    Attributes
    ----------
    montage : Montage
        Calibrations to the last bit.
    signals : tuple of tuple of int
        Places in the file of every stream's channels.
    start_utc : datetime or None
        Of the first sample, by the clock of the machine that recorded.
    derivations : mapping of str to tuple of str
        What each of the model's inputs was made of, the best first.
    mains_hz : float or None
        What was removed.
    epochs : tuple of int
        First sample of every epoch and of what follows the last, in the fastest
        stream; empty where rates are true and thirty seconds say it.
    """

    montage: Montage
    signals: tuple[tuple[int, ...], ...]
    start_utc: datetime | None
    derivations: Mapping[str, tuple[str, ...]]
    mains_hz: float | None
    epochs: tuple[int, ...]


def read_session_fields(
    header: bytes, annotations: Sequence[EdfAnnotation]
) -> SessionFields | None:
    """Read the session of a recording of ours; None for another program's file.

    Parameters
    ----------
    header : bytes
    annotations : sequence of EdfAnnotation
    """
    try:
        parsed, _ = parse_header(header)
        montage = montage_of(parsed.signals, parsed.record_us)
    except ValueError:
        return None
    ordinary = [
        number
        for number, signal in enumerate(parsed.signals)
        if signal.label not in ANNOTATIONS.values()
    ]
    signals, taken = [], 0
    for stream in montage.streams:
        signals.append(tuple(ordinary[taken : taken + len(stream.channels)]))
        taken += len(stream.channels)
    texts = _joined(_introduction(annotations))
    return SessionFields(
        montage=montage,
        signals=tuple(signals),
        start_utc=_start(texts),
        derivations=dict(_inputs(texts)),
        mains_hz=_mains(texts),
        epochs=_epochs(montage, annotations),
    )


def _introduction(annotations: Sequence[EdfAnnotation]) -> list[EdfAnnotation]:
    """Return the annotations at the moment of the first setting.

    All settings are written there, as the file begins. What looks like one later on
    is somebody's marker in a recording from before markers were called so.
    """
    settings = (START, INPUT, MAINS)
    first = next((a for a in annotations if a.text.startswith(settings)), None)
    return [a for a in annotations if first is not None and a.onset_s == first.onset_s]


def _joined(annotations: Sequence[EdfAnnotation]) -> list[str]:
    """Return the texts, those whole that were too long for a data record."""
    texts: list[str] = []
    for annotation in annotations:
        if annotation.text.startswith(GOES_ON) and texts:
            texts[-1] += annotation.text.removeprefix(GOES_ON)
        else:
            texts.append(annotation.text)
    return texts


def _start(texts: Sequence[str]) -> datetime | None:
    said = next((text for text in texts if text.startswith(START)), None)
    if said is None:
        return None
    return datetime.fromisoformat(said.removeprefix(START).partition(",")[0])


def _inputs(texts: Sequence[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    for text in texts:
        name, colon, made_of = text.removeprefix(INPUT).partition(": ")
        if text.startswith(INPUT) and colon and made_of != ABSENT:
            yield name, tuple(made_of.split(OR))


def _mains(texts: Sequence[str]) -> float | None:
    said = next((x for x in texts if x.startswith(MAINS) and x.endswith(HZ)), None)
    return None if said is None else float(said.removeprefix(MAINS).removesuffix(HZ))


def _epochs(montage: Montage, annotations: Sequence[EdfAnnotation]) -> tuple[int, ...]:
    rough = [stream.sfreq for stream in montage.streams if stream.rough_rate]
    if not rough:
        return ()
    onsets = [
        annotation.onset_s
        for annotation in annotations
        if annotation.text.startswith(STAGE) or annotation.text == SCORED_UNTIL
    ]
    return tuple(sorted({round(onset_s * max(rough)) for onset_s in onsets}))
