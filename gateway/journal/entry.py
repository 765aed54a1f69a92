"""Entries of a journal, its contents and its limits. Pure."""

from typing import NamedTuple


class Entry(NamedTuple):
    """One epoch in the journal.

    `seq` counts all epochs of this gateway without a hole; `document` is what was
    appended, byte for byte.
    """

    seq: int
    device: str
    session: str
    epoch: int
    document: bytes


class JournalSession(NamedTuple):
    """Entries on disk of one session; `owed` ones have no acknowledgement."""

    session: str
    device: str
    first_epoch: int
    last_epoch: int
    first_seq: int
    last_seq: int
    owed: int


class JournalContents(NamedTuple):
    """Contents of a journal.

    Attributes
    ----------
    rows : int
        Epochs on disk.
    owed : int
        Those that no broker has acknowledged.
    dropped : int
        Those the bound on size took before a broker had them, ever since.
    first_seq, next_seq : int
        Of the oldest on disk, and of the next to be appended.
    oldest_owed_s : float or None
        When the oldest of those owed was recorded, seconds since 1970.
    size_bytes : int
        Of the data in use.
    """

    rows: int
    owed: int
    dropped: int
    first_seq: int
    next_seq: int
    oldest_owed_s: float | None
    size_bytes: int


class JournalLimits(NamedTuple):
    """Limits of what is kept for replay.

    What a broker has acknowledged goes after `keep_days`; what it has not stays until
    the journal is larger than `max_bytes`, when the oldest go whether acknowledged
    or not, and are counted.
    """

    keep_days: float
    max_bytes: int
