"""What the model is, and what it is not, from its own card. Pure."""

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from gateway.formats.report.contents import Report


def model_section(report: Report) -> Iterator[str]:
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
        yield (
            f"<tr><td>{escape(name)}</td><td>{100 * found['accuracy']:.0f} %</td>"
            f"<td>{found['kappa']:.2f}</td><td>{found['n_epochs']}</td>"
            f"<td>{found['n_subjects']}</td></tr>"
        )
    yield "</table></div></details>"
