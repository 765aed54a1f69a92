"""Findings of the doctor, as text and as ``schemas/doctor.v1.json``. Pure."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import Enum
from typing import Any, NamedTuple

from gateway.formats.json_fields import utc_text
from gateway.reports.status_text import LineTone, StatusTextLine


class Severity(Enum):
    """Severity of a finding; the value is its name in the document."""

    GOOD = "good"
    SKIPPED = "skipped"
    WARNING = "warning"
    BROKEN = "broken"


EXIT_CODES = {Severity.WARNING: 1, Severity.BROKEN: 2}
MOODS = {
    Severity.GOOD: LineTone.GOOD,
    Severity.WARNING: LineTone.WARNING,
    Severity.BROKEN: LineTone.BAD,
}


class Finding(NamedTuple):
    """Result of one check.

    Attributes
    ----------
    check : str
        Name of the check, e.g. ``"adapter"``.
    verdict : Severity
    words : str
        What was found.
    remedy : str
        What to do about it; empty only where there is nothing to do.
    """

    check: str
    verdict: Severity
    words: str
    remedy: str = ""


def good(check: str, words: str) -> Finding:
    """Return a finding without a problem."""
    return Finding(check, Severity.GOOD, words)


def skipped(check: str, words: str, remedy: str) -> Finding:
    """Return a finding on what could not be checked; `remedy` says how it could."""
    return Finding(check, Severity.SKIPPED, words, remedy)


def warning(check: str, words: str, remedy: str) -> Finding:
    """Return a finding that may spoil a night."""
    return Finding(check, Severity.WARNING, words, remedy)


def broken(check: str, words: str, remedy: str) -> Finding:
    """Return a finding that keeps Sleepgate from working."""
    return Finding(check, Severity.BROKEN, words, remedy)


def worst(findings: Iterable[Finding]) -> Severity:
    """Return the worst severity; what was skipped counts as good."""
    order = list(Severity)
    found = (finding.verdict for finding in findings)
    verdict = max(found, key=order.index, default=Severity.GOOD)
    return Severity.GOOD if verdict is Severity.SKIPPED else verdict


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


def doctor_lines(findings: Sequence[Finding]) -> list[StatusTextLine]:
    """Write a line for each finding, its remedy below, and the verdict."""
    width = max((len(each.check) for each in findings), default=0) + 2
    lines = []
    for each in findings:
        mood = MOODS.get(each.verdict, LineTone.PLAIN)
        verdict = f"{each.verdict.value:<9}"
        lines.append(
            StatusTextLine(f"{verdict}{each.check:<{width}}{_flat(each.words)}", mood)
        )
        if each.remedy:
            lines.append(
                StatusTextLine(f"{'':<{9 + width}}next: {_flat(each.remedy)}", mood)
            )
    return [*lines, StatusTextLine(_summary(findings), MOODS[worst(findings)])]


def _summary(findings: Sequence[Finding]) -> str:
    counts = {
        verdict: sum(each.verdict is verdict for each in findings)
        for verdict in (Severity.BROKEN, Severity.WARNING, Severity.SKIPPED)
    }
    parts = [f"{n} {verdict.value}" for verdict, n in counts.items() if n]
    return f"{len(findings)} checks: {', '.join(parts) or 'all good'}"


def _flat(text: str) -> str:
    return " ".join(
        "".join(char if char.isprintable() else " " for char in text).split()
    )
