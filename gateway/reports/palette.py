"""Colours of stages and signals in every picture, light and dark. Pure.

Stages keep their order of lightness in print and for eyes that tell no red from green.
"""

from collections.abc import Mapping

from gateway.staging.stage import STAGES, Refusal, Stage

LIGHT = {
    "page": "#f5f6f9",
    "card": "#ffffff",
    "ink": "#1b2130",
    "soft": "#5b6478",
    "line": "#e3e6ee",
    "w": "#eaa53c",
    "r": "#d64f66",
    "n1": "#a3cdee",
    "n2": "#4b8fd4",
    "n3": "#24499b",
    "good": "#4fa37b",
    "lost": "#c7372f",
    "hatch": "#b9bfcc",
    "accent": "#24499b",
}
DARK = {
    "page": "#0e121b",
    "card": "#171d2a",
    "ink": "#e8ebf3",
    "soft": "#9aa5bb",
    "line": "#283043",
    "w": "#f2b85b",
    "r": "#f0708a",
    "n1": "#b4d9f7",
    "n2": "#5da3ea",
    "n3": "#4a67d6",
    "good": "#4f9d7b",
    "lost": "#ff6f61",
    "hatch": "#7d889e",
    "accent": "#8fb4f5",
}
PRINT = LIGHT | {"page": "#fff", "ink": "#000", "soft": "#444", "line": "#ccc"}
# a dashboard may stand on any ground, so its picture brings its own white one
DASHBOARD = {
    "page": "#fff",
    "level": "#ddd",
    "hour": "#eee",
    "refused": "#ccc",
    "step": "#246",
    "r": "#c33",
}
# names of the sixteen colours that every terminal has
TERMINAL: Mapping[Stage | type[Refusal], str] = {
    Stage.W: "yellow",
    Stage.R: "magenta",
    Stage.N1: "cyan",
    Stage.N2: "green",
    Stage.N3: "bright_blue",
    Refusal: "red",
}

CSS_CLASS = {stage: stage.value.lower() for stage in STAGES}


def page_variables() -> str:
    """Return the colours as CSS custom properties that follow the reader's system."""
    return (
        f":root{{color-scheme:light dark;{_properties(LIGHT)}}}"
        "@media (prefers-color-scheme:dark)"
        f"{{:root{{{_properties(DARK)}}}}}"
        f"@media print{{:root{{color-scheme:light;{_properties(PRINT)}}}}}"
    )


def night_rules(colours: Mapping[str, str]) -> str:
    """Return the CSS of a night's picture in fixed colours, known to every viewer."""
    stages = "".join(
        f".{name}{{fill:{colours[name]}}}" for name in ("w", "r", "n1", "n2", "n3")
    )
    return (
        f".page{{fill:{colours['card']}}}text{{fill:{colours['ink']}}}"
        f".soft{{fill:{colours['soft']}}}.good{{fill:{colours['good']}}}"
        f".lost,.differs{{fill:{colours['lost']}}}"
        f".refused{{fill:{colours['hatch']};opacity:.4}}.under{{fill:{colours['line']}}}"
        f".level{{stroke:{colours['line']};vector-effect:non-scaling-stroke}}"
        f".step{{stroke:{colours['soft']};opacity:.55;fill:none;"
        f"vector-effect:non-scaling-stroke}}{stages}"
    )


def plot_rules() -> str:
    """Return the CSS of a Bland-Altman plot, which follows the reader's system."""
    day, dark = LIGHT, DARK
    return (
        "text{font-family:system-ui,'DejaVu Sans',sans-serif;font-size:13px;"
        f"fill:{day['ink']}}}.soft{{fill:{day['soft']}}}.page{{fill:{day['card']}}}"
        f".grid{{stroke:{day['line']}}}.zero{{stroke:{dark['soft']}}}"
        f".night{{fill:{day['accent']};opacity:.65}}"
        f".bias{{stroke:{day['r']};stroke-width:2;fill:none}}"
        f".limit{{stroke:{day['r']};stroke-dasharray:6 4;stroke-width:1.5;fill:none}}"
        f".ci{{fill:{day['r']};opacity:.13}}.flag{{fill:{day['lost']}}}"
        f"@media (prefers-color-scheme:dark){{text{{fill:{dark['ink']}}}"
        f".soft{{fill:{dark['soft']}}}.page{{fill:{dark['card']}}}"
        f".grid{{stroke:{dark['line']}}}.zero{{stroke:{day['soft']}}}"
        f".night{{fill:{dark['accent']}}}.flag{{fill:{dark['lost']}}}}}"
    )


def _properties(colours: Mapping[str, str]) -> str:
    return "".join(f"--{name}:{colour};" for name, colour in colours.items())
