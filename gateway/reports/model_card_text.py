"""Model card as text: every table of figures on a line. Pure."""

from collections.abc import Mapping, Sequence

from gateway.staging.stage import STAGES

FIRST = ("name", "intended_use", "limits", "retrain", "figures_int8")
SHOWN = {"kappa": "kappa", "accuracy": "accuracy", "ece": "ECE"}
PEOPLE = "_subjects"
CURVE = "kappa_along_the_way"
ELSEWHERE = "points; see `sleepgate model info --json`"


def model_card_text(shown: Mapping[str, object]) -> dict[str, object]:
    """Return `shown` as JSON types, short enough to be read.

    Intended use, limits and figures come first. Tables of figures become lines, the
    points of a training curve are counted.

    Parameters
    ----------
    shown : mapping
        The card, as JSON types; what of it is missing is left out.
    """
    ordered = [name for name in FIRST if name in shown]
    ordered += [name for name in shown if name not in FIRST]
    return {name: _shortened(name, shown[name]) for name in ordered}


def _shortened(name: str, value: object) -> object:
    if name == CURVE and isinstance(value, Sequence):
        return f"{len(value)} {ELSEWHERE}"
    if name.endswith(PEOPLE) and isinstance(value, list):
        return ", ".join(map(str, value))
    if not isinstance(value, Mapping):
        return value
    if "confusion" in value:
        return _line(value)
    return {name: _shortened(name, of) for name, of in value.items()}


def _line(table: Mapping[str, object]) -> str:
    """Return the figures of a table of `training.evaluate.intervals`."""
    figures = [
        f"{title} {_figure(table[name], with_interval=name == 'kappa')}"
        for name, title in SHOWN.items()
        if name in table
    ]
    stages = table.get("f1")
    if not isinstance(stages, Mapping):
        stages = {name.removeprefix("f1_"): of for name, of in table.items()}
    f1 = [
        f"{stage.value} {_figure(stages[stage.value])}"
        for stage in STAGES
        if stage.value in stages
    ]
    n_people = table.get("n_subjects")
    people = f"{n_people} {'person' if n_people == 1 else 'people'}"
    people += f", {table.get('n_epochs')} epochs"
    return f"{people}: {', '.join(figures)}; F1 {', '.join(f1)}"


def _figure(figure: object, *, with_interval: bool = False) -> str:
    interval: object = None
    if isinstance(figure, Mapping):
        interval, figure = figure.get("interval_95"), figure.get("value")
    if not isinstance(figure, float | int):
        return "-"
    text = f"{figure:.2f}"
    if with_interval and isinstance(interval, list):
        text += f" [{', '.join(map(_figure, interval))}]"
    return text
