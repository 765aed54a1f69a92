"""Numbers, dates and subfields of EDF headers: written strictly, read tolerantly. Pure.

What other programs write and the specification does not allow is read where its
meaning is plain: NUL bytes for padding, decimal commas, ``-32768.0`` for a whole
number, a date of zeros or dashes for none.
"""

import re
from contextlib import suppress
from datetime import date, datetime, time
from math import isfinite

MONTHS = (
    *("JAN", "FEB", "MAR", "APR", "MAY", "JUN"),
    *("JUL", "AUG", "SEP", "OCT", "NOV", "DEC"),
)
CLIP_YEARS = range(1985, 2085)  # what two digits can say
SECOND_US = 1_000_000
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
NO_DATE = date(1985, 1, 1)  # EDF's first day: what anonymised files say


def eight(value: float) -> str:
    """Write `value` in at most eight characters, as precisely as they allow.

    Raises
    ------
    ValueError
        If it is too large for them.
    """
    for decimals in range(7, -1, -1):
        text = f"{value:.{decimals}f}"
        if "." in text:
            text = text.rstrip("0").rstrip(".")
        if len(text) <= 8:  # noqa: PLR2004 (says it)
            return "0" if text == "-0" else text
    raise ValueError(f"{value} does not fit eight characters")


def text_of(raw: bytes) -> str:
    r"""Return the text of a header field without its padding.

    >>> text_of(b"EEG Fpz-Cz\0\0\0   ")
    'EEG Fpz-Cz'
    """
    return raw.partition(b"\0")[0].decode("latin-1").strip()


def number_of(text: str) -> float | None:
    """Return a finite number; None where the text is none.

    >>> number_of("-187,5"), number_of("inf")
    (-187.5, None)
    """
    plain = text.strip().replace(",", ".")
    if not NUMBER.fullmatch(plain):
        return None
    value = float(plain)
    return value if isfinite(value) else None


def whole_of(text: str) -> int | None:
    """Return a whole number, also one written ``-32768.0``; None where it is none."""
    value = number_of(text)
    return int(value) if value is not None and value.is_integer() else None


def date_of(text: str, recording: str) -> date | None:
    """Return the date of a header; None where it is none or was removed.

    Parameters
    ----------
    text : str
        The field ``dd.mm.yy``; 85 to 99 are years of the last century.
    recording : str
        The recording field; EDF+ repeats the date there, with all digits of the year.
    """
    if recording.startswith("Startdate X"):
        return None
    if recording.startswith("Startdate "):
        with suppress(ValueError, IndexError):  # damaged: the other field has it too
            day, month, year = recording.split()[1].upper().split("-")
            return date(int(year), MONTHS.index(month) + 1, int(day))
    numbers = _three(text)
    if numbers is None:
        return None
    century = 1900 if numbers[2] >= CLIP_YEARS[0] % 100 else 2000
    with suppress(ValueError):
        found = date(century + numbers[2], numbers[1], numbers[0])
        return None if found == NO_DATE else found
    return None


def time_of(text: str) -> time | None:
    """Return the time of day of a header; None where it is none."""
    with suppress(ValueError):
        parts = _three(text)
        return None if parts is None else time(*parts)  # an hour of 24 is none
    return None


def _three(text: str) -> tuple[int, int, int] | None:
    """Return the numbers of ``dd.mm.yy`` or ``hh.mm.ss``, whatever parts them."""
    found = re.fullmatch(r"\s*(\d+)[.:/-]\s*(\d+)[.:/-]\s*(\d+)", text, re.ASCII)
    return None if found is None else (int(found[1]), int(found[2]), int(found[3]))


def seconds_text(us: int) -> str:
    """Write microseconds as decimal seconds, exactly."""
    sign, us = ("-", -us) if us < 0 else ("", us)
    whole, part = divmod(us, SECOND_US)
    return f"{sign}{whole}.{part:06}".rstrip("0").rstrip(".")


def patient_field(code: str | None) -> str:
    """Return the patient's subfields: code, sex, birthday and name, X if unknown."""
    return f"{_subfield(code)} X X X"


def recording_field(start: datetime, *, code: str, equipment: str) -> str:
    """Return the recording's subfields: date, code, technician and equipment."""
    day = f"{start.day:02}-{MONTHS[start.month - 1]}-{start.year}"
    text = f"Startdate {day} {_subfield(code)} X {_subfield(equipment)}"
    return text[:80]


def whole_second(start: datetime) -> tuple[datetime, int]:
    """Split `start` into what the header says and the microseconds left over."""
    whole = start.replace(microsecond=0, tzinfo=None)
    if whole.year not in CLIP_YEARS:
        whole = whole.replace(year=CLIP_YEARS[0], day=min(whole.day, 28))
    return whole, start.microsecond


def _subfield(text: str | None) -> str:
    plain = "".join(c if "!" <= c <= "~" else "_" for c in text or "")
    return plain or "X"
