"""Numbers, dates and subfields as the header of an EDF+ file has them. Pure."""

from datetime import datetime

MONTHS = (
    *("JAN", "FEB", "MAR", "APR", "MAY", "JUN"),
    *("JUL", "AUG", "SEP", "OCT", "NOV", "DEC"),
)
CLIP_YEARS = range(1985, 2085)  # what two digits can say
SECOND_US = 1_000_000


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
