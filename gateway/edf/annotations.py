"""Annotations that wait for room in the data records of a file. Pure."""

from collections import Counter, deque
from dataclasses import dataclass, field, replace

from gateway.edf.fields import SECOND_US
from gateway.edf.tal import END, OF_CHANNEL, Annotation

LONGEST_TEXT = 150  # bytes of the pieces of a list that is too long for a record
LONGEST_TIME = 24  # bytes of what tells when a record begins
GOES_ON = "\u2026"
SPACES = "\t\n\r"  # the control characters that a text may hold
STAGE = "Sleep stage "
UNSCORED = "Sleep stage ?"


@dataclass(slots=True)
class AnnotationCounts:
    """Counts of the annotations of a file.

    Attributes
    ----------
    missing_us : counter of (str, str)
        Microseconds that a text and a channel's label have been said of; the label
        is empty where all channels were meant.
    n_epochs, n_scored : int
        Sleep stages, and those that are none of ``Sleep stage ?``.
    last_epoch_us : int or None
        Onset of the last one.
    missing_last : list of Annotation
        What was said of stretches of channels since then.
    """

    missing_us: Counter[tuple[str, str]] = field(default_factory=Counter)
    n_epochs: int = 0
    n_scored: int = 0
    last_epoch_us: int | None = None
    missing_last: list[Annotation] = field(default_factory=list)

    def add(self, annotation: Annotation) -> None:
        """Count `annotation`."""
        for text in annotation.texts:
            if text.startswith(STAGE):
                self.n_epochs += 1
                self.n_scored += text != UNSCORED
                self.last_epoch_us = annotation.onset_us
                self._forget(annotation.onset_us)
            elif annotation.duration_us is not None:
                what, _, label = text.partition(OF_CHANNEL)
                self.missing_us[what, label] += annotation.duration_us

        if annotation.duration_us is not None:
            self.missing_last.append(annotation)

    def _forget(self, until_us: int) -> None:
        self.missing_last = [a for a in self.missing_last if a.end_us > until_us]

    def missing_s(self, text: str) -> float:
        """Return the seconds said of the channel of which `text` was said longest."""
        worst = max(
            (
                us
                for (what, label), us in self.missing_us.items()
                if what == text and label
            ),
            default=0,
        )
        return (self.missing_us[text, ""] + worst) / SECOND_US


class Annotations:
    """Annotations that wait to be written, by urgency, then by arrival.

    Parameters
    ----------
    n_bytes : int
        Room for annotations in a data record.
    account : AnnotationCounts or None
        What the file says already.

    Attributes
    ----------
    account : AnnotationCounts
        Everything added is counted there.
    """

    def __init__(self, n_bytes: int, account: AnnotationCounts | None = None) -> None:
        self.account = account or AnnotationCounts()
        self._n_bytes = n_bytes
        self._urgent: deque[Annotation] = deque()
        self._others: deque[Annotation] = deque()
        self._filled: list[Annotation] = []

    def __len__(self) -> int:
        return len(self._urgent) + len(self._others)

    def add(self, annotation: Annotation, *, urgent: bool = False) -> None:
        """Have `annotation` written in the next record that has room.

        An urgent one that goes on where the last ended, with the same text and not
        written yet, is joined to it. A long text is cut into pieces of the same
        onset, the later of which begin with an ellipsis.
        """
        queue = self._urgent if urgent else self._others
        texts = tuple(map(_clean, annotation.texts))
        annotation = replace(annotation, texts=texts)
        self.account.add(annotation)
        last = queue[-1] if queue else None
        if (
            urgent
            and last is not None
            and annotation.duration_us is not None
            and last.duration_us is not None
            and (last.end_us, last.texts) == (annotation.onset_us, texts)
        ):
            queue[-1] = replace(
                last, duration_us=last.duration_us + annotation.duration_us
            )
            return
        queue.extend(_fitting(annotation, self._n_bytes))

    def fill(self, onset_us: int) -> bytes:
        """Return the annotations of the record that begins at `onset_us`."""
        content = Annotation(onset_us, None, ("",)).encode()
        self._filled = []
        for queue in (self._urgent, self._others):
            while queue:
                more = queue[0].encode()
                if len(content) + len(more) > self._n_bytes:
                    break
                content += more
                written = queue.popleft()
                if queue is self._others:
                    self._filled.append(written)
        return content.ljust(self._n_bytes, END)

    def unwritten(self) -> list[Annotation]:
        """Return what the disk has not, should it have refused the last record.

        Without what was urgent: that belongs to samples it has not either.
        """
        return [*self._filled, *self._others]


def room(n_channels: int, n_streams: int) -> int:
    """Return how many bytes of a second's record are for annotations.

    Enough for a gap in every fifth part of each second, and a stage beside. Where
    streams differ, their gaps name each channel. Divisible by samples of 2 and 3 bytes.
    """
    return 240 if n_streams == 1 else 240 + 6 * (4 * n_channels)


def _clean(text: str) -> str:
    """Replace what a text must not hold; section 2.2.2."""
    return "".join(
        c if c >= " " or c in SPACES else "\ufffd"
        for c in text.encode("utf-8", "replace").decode()
    )


def _fitting(annotation: Annotation, n_bytes: int) -> list[Annotation]:
    """Return `annotation`, or pieces of it that a record has room for."""
    if len(annotation.encode()) <= n_bytes - LONGEST_TIME:
        return [annotation]
    return [
        replace(annotation, texts=(piece,))
        for text in annotation.texts
        for piece in _pieces(text)
    ]


def _pieces(text: str) -> list[str]:
    pieces, piece = [], ""
    for character in text:
        if len((piece + character).encode()) > LONGEST_TEXT:
            pieces.append(piece)
            piece = GOES_ON
        piece += character
    return [*pieces, piece]
