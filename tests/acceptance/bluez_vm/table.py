"""Table of the figures, in Markdown."""

from collections import Counter
from collections.abc import Mapping

from tests.acceptance.bluez_vm.cases import CASES
from tests.acceptance.bluez_vm.outcome import Outcome

ABOUT = {case.name: case.about for case in CASES} | {
    "boot": "power on, headband already on the air"
}
SFREQ = 100  # of the headband's EEG
HEAD = (
    "| case | what happens | recovered | streaming again, s | lost, s | samples lost "
    "| epochs | refused |\n|---|---|---|---:|---:|---:|---:|---|"
)


def title(suite: str, facts: Mapping[str, str]) -> str:
    """Return what ran, and the head of the table."""
    rows = "; ".join(f"{name} {value}" for name, value in facts.items())
    return f"Debian {suite}: {rows}\n\n{HEAD}"


def row(outcome: Outcome) -> str:
    """Return one line of the table, and under it what went wrong."""
    again = "-" if outcome.again_s is None else f"{outcome.again_s:.1f}"
    refused = ", ".join(
        f"{n} {reason}" for reason, n in sorted(Counter(outcome.refused).items())
    )
    cells = (
        outcome.case,
        ABOUT[outcome.case],
        "no" if outcome.problem else "yes",
        again,
        f"{outcome.lost_s:.2f}",
        f"{outcome.lost_s * SFREQ:.0f}",
        f"{outcome.epochs}",
        refused or "-",
    )
    line = f"| {' | '.join(cells)} |"
    if outcome.problem is None:
        return line
    return "\n".join(
        [line, f"  {outcome.problem}", *(f"  > {s}" for s in outcome.said)]
    )
