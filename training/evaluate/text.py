"""The table of a scoring, for people."""

from collections.abc import Mapping
from typing import Any

from training.evaluate.metrics import NAMES

FEWEST, ENOUGH = 2, 10  # people, for an interval and for one to be relied on
SHOWN = ("accuracy", "macro_f1", "kappa", "ece", "nll")


def figure_lines(title: str, table: Mapping[str, Any]) -> list[str]:
    """Return the lines that show one table of `training.evaluate.intervals.figures`."""
    refused = f", {table['n_refused']} refused" if table["n_refused"] else ""
    people = "subject" if table["n_subjects"] == 1 else "subjects"
    lines = [
        f"{title}: {table['n_subjects']} {people}, {table['n_epochs']} epochs{refused}",
        "  " + "   ".join(f"{name} {_value(table[name])}" for name in SHOWN[:3]),
        "  " + "   ".join(f"{name} {_value(table[name])}" for name in SHOWN[3:]),
        "  F1 " + "   ".join(f"{n} {_value(table[f'f1_{n}'])}" for n in NAMES),
        "  true \\ scored " + "".join(f"{name:>7}" for name in NAMES),
    ]
    for name, row in zip(NAMES, table["confusion"], strict=True):
        lines.append(f"  {name:>13} " + "".join(f"{count:7d}" for count in row))
    if FEWEST <= table["n_subjects"] < ENOUGH:
        few = (
            f"an interval from {table['n_subjects']} people is narrower than the truth"
        )
        lines.append(f"  ({few})")
    return lines


def _value(figure: Mapping[str, Any]) -> str:
    if figure["value"] is None:
        return "-"
    text = f"{figure['value']:.3f}"
    if figure["interval_95"] is None:
        return text
    low, high = figure["interval_95"]
    return f"{text} [{low:.3f}, {high:.3f}]"
