"""The colours of a night, by day and in the dark. Pure.

Stages keep their order of lightness in print and for eyes that tell no red from green.
"""

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
STAGES = ("w", "r", "n1", "n2", "n3")


def variables() -> str:
    """Return the colours as custom properties that follow the reader's system."""
    return (
        f":root{{color-scheme:light dark;{_properties(LIGHT)}}}"
        "@media (prefers-color-scheme:dark)"
        f"{{:root{{{_properties(DARK)}}}}}"
        f"@media print{{:root{{color-scheme:light;{_properties(PRINT)}}}}}"
    )


def rules(colours: dict[str, str]) -> str:
    """Return the style of a picture in fixed colours, which every viewer knows."""
    stages = "".join(f".{name}{{fill:{colours[name]}}}" for name in STAGES)
    return (
        f".page{{fill:{colours['card']}}}text{{fill:{colours['ink']}}}"
        f".soft{{fill:{colours['soft']}}}.good{{fill:{colours['good']}}}"
        f".lost,.differs{{fill:{colours['lost']}}}"
        f".refused{{fill:{colours['hatch']};opacity:.4}}.under{{fill:{colours['line']}}}"
        f".level{{stroke:{colours['line']};vector-effect:non-scaling-stroke}}"
        f".step{{stroke:{colours['soft']};opacity:.55;fill:none;"
        f"vector-effect:non-scaling-stroke}}{stages}"
    )


def _properties(colours: dict[str, str]) -> str:
    return "".join(f"--{name}:{colour};" for name, colour in colours.items())
