"""Time-stamped annotation lists (TALs), the text inside EDF+ data records. Pure.

Kemp & Olivan 2003, Clin. Neurophysiol. 114:1755, section 2.2
(https://www.edfplus.info/specs/edfplus.html). Every data record begins its list with
the time at which the record itself begins, and an empty text.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from gateway.edf.fields import SECOND_US, seconds_text

STOP, DURATION, END = b"\x14", b"\x15", b"\x00"
OF_CHANNEL = "@@"  # before the label, in a text about one channel alone
TAL = re.compile(
    rb"([+-]\d{1,15}(?:\.\d*)?)(?:\x15(\d{1,15}(?:\.\d*)?))?"
    rb"\x14((?:[^\x00\x14]*\x14)*)\x00"
)


@dataclass(frozen=True, slots=True)
class Annotation:
    """Something that happened.

    Attributes
    ----------
    onset_us : int
        Since the time in the file's header, microseconds.
    duration_us : int or None
        None for a moment.
    texts : tuple of str
        What happened then, all at once.
    """

    onset_us: int
    duration_us: int | None
    texts: tuple[str, ...]

    @property
    def end_us(self) -> int:
        """End of it, seconds."""
        return self.onset_us + (self.duration_us or 0)

    @property
    def is_record_time(self) -> bool:
        """Whether it says when a data record begins."""
        return self.texts[:1] in {(), ("",)}

    def encode(self) -> bytes:
        """Return its list, ready for a data record."""
        sign = "+" if self.onset_us >= 0 else ""
        raw = f"{sign}{seconds_text(self.onset_us)}".encode()
        if self.duration_us is not None:
            raw += DURATION + seconds_text(self.duration_us).encode()
        return raw + STOP + b"".join(t.encode() + STOP for t in self.texts) + END


def parse_annotations(content: bytes) -> Iterator[Annotation]:
    r"""Yield the annotations of one data record, that of its own time first.

    What is no list is passed over, as a reader must that meets a newer writer.

    >>> [a.texts for a in parse_annotations(b"+30\x1530\x14Sleep stage W\x14\0")]
    [('Sleep stage W',)]
    """
    for onset, duration, texts in TAL.findall(content):
        yield Annotation(
            _microseconds(onset),
            _microseconds(duration) if duration else None,
            tuple(t.decode("utf-8", "replace") for t in texts.split(STOP)[:-1]),
        )


def _microseconds(text: bytes) -> int:
    return round(Decimal(text.decode()) * SECOND_US)
