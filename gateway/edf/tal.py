"""Time-stamped annotation lists, the text inside EDF+ data records. Pure.

Kemp & Olivan 2003, Clin. Neurophysiol. 114:1755, section 2.2
(https://www.edfplus.info/specs/edfplus.html).
"""

import re
from collections.abc import Iterator
from math import isfinite
from typing import NamedTuple

TAL = re.compile(
    rb"([+-]\d+(?:\.\d*)?)(?:\x15(\d+(?:\.\d*)?))?\x14((?:[^\x14\x00]*\x14)*)\x00"
)


class EdfAnnotation(NamedTuple):
    """Something that happened, seconds after the file's start."""

    onset_s: float
    duration_s: float
    text: str


def annotations_of(record: bytes) -> Iterator[EdfAnnotation]:
    """Yield what one data record of an annotation signal says.

    An empty text is kept: as the first of a record it tells when the record begins.
    What is no list is passed over, as a reader must that meets a newer writer.
    """
    for onset, duration, texts in TAL.findall(record):
        onset_s, duration_s = float(onset), float(duration or 0)
        if not (isfinite(onset_s) and isfinite(duration_s)):
            continue  # digits without end
        for text in texts.split(b"\x14")[:-1] or [b""]:
            yield EdfAnnotation(onset_s, duration_s, text.decode("utf-8", "replace"))
