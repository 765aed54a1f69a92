"""What an examination found, for people and as ``schemas/doctor.v1.json``. Pure."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import Enum
from typing import Any, NamedTuple

from gateway.formats.epoch_json import utc_text
from gateway.reports.status_text import Mood, Said


class Verdict(Enum):
    """How bad it is; the value is its name in messages."""

    GOOD = "good"
    SKIPPED = "skipped"
    WARNING = "warning"
    BROKEN = "broken"


EXIT_CODES = {Verdict.WARNING: 1, Verdict.BROKEN: 2}
MOODS = {
    Verdict.GOOD: Mood.GOOD,
    Verdict.WARNING: Mood.WARNING,
    Verdict.BROKEN: Mood.BAD,
}


class Finding(NamedTuple):
    """One thing that was looked at.

    Attributes
    ----------
    check : str
        What was looked at, e.g. ``"adapter"``.
    verdict : Verdict
    words : str
        What was seen.
    remedy : str
        What to do about it; empty only where there is nothing to do.
    """

    check: str
    verdict: Verdict
    words: str
    remedy: str = ""


def good(check: str, words: str) -> Finding:
    """Find nothing wrong."""
    return Finding(check, Verdict.GOOD, words)


def skipped(check: str, words: str, remedy: str) -> Finding:
    """Say what could not be looked at, and how it could."""
    return Finding(check, Verdict.SKIPPED, words, remedy)


def warning(check: str, words: str, remedy: str) -> Finding:
    """Find what may spoil a night."""
    return Finding(check, Verdict.WARNING, words, remedy)


def broken(check: str, words: str, remedy: str) -> Finding:
    """Find what keeps it from working."""
    return Finding(check, Verdict.BROKEN, words, remedy)


def worst(findings: Iterable[Finding]) -> Verdict:
    """Return the verdict on all of them."""
    order = list(Verdict)
    found = (finding.verdict for finding in findings)
    verdict = max(found, key=order.index, default=Verdict.GOOD)
    return Verdict.GOOD if verdict is Verdict.SKIPPED else verdict


def doctor_document(
    findings: Sequence[Finding], version: str, now: datetime
) -> dict[str, Any]:
    """Return what keeps to ``doctor.v1``."""
    return {
        "v": 1,
        "ts": utc_text(now),
        "version": version,
        "verdict": worst(findings).value,
        "findings": [
            {**each._asdict(), "verdict": each.verdict.value} for each in findings
        ],
    }


def doctor_lines(findings: Sequence[Finding]) -> list[Said]:
    """Write a line for each finding, its remedy below, and the verdict."""
    width = max((len(each.check) for each in findings), default=0) + 2
    lines = []
    for each in findings:
        mood = MOODS.get(each.verdict, Mood.PLAIN)
        verdict = f"{each.verdict.value:<9}"
        lines.append(Said(f"{verdict}{each.check:<{width}}{_flat(each.words)}", mood))
        if each.remedy:
            lines.append(Said(f"{'':<{9 + width}}next: {_flat(each.remedy)}", mood))
    return [*lines, Said(_summary(findings), MOODS[worst(findings)])]


def _summary(findings: Sequence[Finding]) -> str:
    counts = {
        verdict: sum(each.verdict is verdict for each in findings)
        for verdict in (Verdict.BROKEN, Verdict.WARNING, Verdict.SKIPPED)
    }
    said = [f"{n} {verdict.value}" for verdict, n in counts.items() if n]
    return f"{len(findings)} looked at: {', '.join(said) or 'all good'}"


def _flat(text: str) -> str:
    return " ".join(
        "".join(char if char.isprintable() else " " for char in text).split()
    )
