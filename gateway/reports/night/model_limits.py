"""What the model is, and what it is not, from its own card. Pure."""

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from gateway.reports.night.contents import NightReport


def model_section(report: NightReport) -> Iterator[str]:
    """Yield the card's limits first, then its figures."""
    yield "<section><h2>How far to believe it</h2>"
    about = report.about
    if about is None:
        yield (
            f"<p>The model that scored this night, {escape(report.night.model)}, is "
            "not here any more, and its card went with it.</p></section>"
        )
        return
    limits = "".join(f"<li>{escape(str(x))}</li>" for x in about.get("limits", ()))
    yield f'<ul class="limits">{limits}</ul>'
    yield from _figures(about)
    if use := about.get("intended_use"):
        yield f'<p class="small soft">Intended use: {escape(str(use))}.</p>'
    yield "</section>"


def _figures(about: Mapping[str, Any]) -> Iterator[str]:
    figures = about.get("figures_int8", {})
    if not figures:
        return
    yield "<details><summary>Its figures on data it was not trained on</summary>"
    yield '<div class="scroll"><table><tr><th>data</th><th>accuracy</th><th>kappa</th>'
    yield "<th>epochs</th><th>subjects</th></tr>"
    for name, found in figures.items():
        accuracy = _with_interval(found.get("accuracy"), "{:.0%}")
        kappa = _with_interval(found.get("kappa"), "{:.2f}")
        counts = (escape(str(found.get(n, "-"))) for n in ("n_epochs", "n_subjects"))
        cells = (escape(str(name)), accuracy, kappa, *counts)
        yield "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"
    yield "</table></div></details>"


def _with_interval(figure: object, form: str) -> str:
    """Write a card's figure: a number, or one with its 95 % interval."""
    match figure:
        case {"value": float() | int() as value, "interval_95": [low, high]}:
            ends = f"{form.format(low)}-{form.format(high)}"
            return f"{form.format(value)}<small>{ends}</small>"
        case float() | int():
            return form.format(figure)
        case _:
            return "-"
