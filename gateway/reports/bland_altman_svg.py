"""Bland-Altman plots of sleep statistics, SVG. Pure.

As in Menghini et al. 2021 the difference stands over the reference, with the bias and
the limits of agreement and their confidence intervals; where these change with the
reference, they are drawn so.
"""

from collections.abc import Iterator, Mapping
from html import escape
from math import ceil, floor, log10

from gateway.evaluation.bland_altman import Interval, NightsAgreement
from gateway.evaluation.night_numbers import UNITS
from gateway.reports.comparison import WORDS, flags
from gateway.reports.palette import plot_rules

PANEL_W, PANEL_H = 400, 320
LEFT, RIGHT, TOP, BOTTOM = 62, 16, 52, 46
PER_ROW = 3
MOST_TICKS = 6
SHORT = {
    "proportional_bias": "proportional bias",
    "heteroscedastic": "heteroscedastic",
    "not_normal": "not normal",
}


def bland_altman_svg(over: Mapping[str, NightsAgreement | None]) -> bytes:
    """Draw a panel for every number that enough nights have, SVG in UTF-8."""
    drawn = {number: found for number, found in over.items() if found is not None}
    rows = ceil(len(drawn) / PER_ROW)
    width, height = PANEL_W * min(PER_ROW, max(1, len(drawn))), PANEL_H * max(1, rows)
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            f'width="{width}" height="{height}"><style>{plot_rules()}</style>'
        ),
        f'<rect class="page" width="{width}" height="{height}"/>',
    ]
    for i, (number, found) in enumerate(drawn.items()):
        x, y = PANEL_W * (i % PER_ROW), PANEL_H * (i // PER_ROW)
        parts.append(f'<g transform="translate({x} {y})">')
        parts += _Panel(number, found).draw()
        parts.append("</g>")
    return "".join([*parts, "</svg>\n"]).encode()


class _Axis:
    """Values along so many units of the picture, from `start` to `end`."""

    def __init__(self, low: float, high: float, start: float, end: float) -> None:
        margin = 0.08 * (high - low) or 1.0
        self.low, self.high = low - margin, high + margin
        self._start, self._end = start, end

    def at(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return round(self._start + share * (self._end - self._start), 1)

    def ticks(self) -> list[float]:
        rough = (self.high - self.low) / MOST_TICKS
        power = 10.0 ** floor(log10(rough))
        step = next(power * m for m in (1, 2, 5, 10) if power * m >= rough)
        return [
            step * i for i in range(ceil(self.low / step), floor(self.high / step) + 1)
        ]


class _Panel:
    def __init__(self, number: str, found: NightsAgreement) -> None:
        self._number, self._found = number, found
        x_low, x_high = float(found.reference.min()), float(found.reference.max())
        self._x = _Axis(x_low, x_high, LEFT, PANEL_W - RIGHT)
        edges = [found.lower_limit.lower, found.upper_limit.upper, 0.0]
        edges += found.difference.tolist()
        edges += [v for x in (x_low, x_high) for v in found.limits_at(x)]
        self._y = _Axis(min(edges), max(edges), PANEL_H - BOTTOM, TOP)

    def draw(self) -> Iterator[str]:
        name, unit = WORDS.get(self._number, self._number), UNITS[self._number]
        yield f'<text x="{LEFT}" y="22" font-weight="650">{name}, {unit}</text>'
        warning = ", ".join(SHORT[flag] for flag in flags(self._found))
        yield f'<text class="flag" x="{LEFT}" y="40">{escape(warning)}</text>'
        yield from self._grid()
        yield from self._lines()
        for its, by in zip(self._found.reference, self._found.difference, strict=True):
            where = f'cx="{self._x.at(its)}" cy="{self._y.at(by)}"'
            yield f'<circle class="night" {where} r="4"/>'
        middle = (LEFT + PANEL_W - RIGHT) / 2
        yield (
            f'<text class="soft" x="{middle}" y="{PANEL_H - 8}" text-anchor="middle">'
            f"reference, {unit} (n = {self._found.n_nights})</text>"
        )

    def _grid(self) -> Iterator[str]:
        for value in self._y.ticks():
            y = self._y.at(value)
            kind = "zero" if value == 0 else "grid"
            yield f'<path class="{kind}" d="M{LEFT} {y}H{PANEL_W - RIGHT}"/>'
            yield (
                f'<text class="soft" x="{LEFT - 8}" y="{y + 4}" text-anchor="end">'
                f"{value:g}</text>"
            )
        for value in self._x.ticks():
            where = f'x="{self._x.at(value)}" y="{PANEL_H - BOTTOM + 18}"'
            yield (f'<text class="soft" {where} text-anchor="middle">{value:g}</text>')

    def _lines(self) -> Iterator[str]:
        found = self._found
        if found.proportional_bias or found.heteroscedastic:
            ends = [found.limits_at(x) for x in (self._x.low, self._x.high)]
            for kind, a, b in zip(("limit", "bias", "limit"), *ends, strict=True):
                d = f"M{LEFT} {self._y.at(a)}L{PANEL_W - RIGHT} {self._y.at(b)}"
                yield f'<path class="{kind}" d="{d}"/>'
            return
        for kind, interval in (
            ("limit", found.lower_limit),
            ("bias", found.bias),
            ("limit", found.upper_limit),
        ):
            yield self._band(interval)
            y = self._y.at(interval.value)
            yield f'<path class="{kind}" d="M{LEFT} {y}H{PANEL_W - RIGHT}"/>'

    def _band(self, interval: Interval) -> str:
        top, bottom = self._y.at(interval.upper), self._y.at(interval.lower)
        width = PANEL_W - RIGHT - LEFT
        return (
            f'<rect class="ci" x="{LEFT}" y="{top}" width="{width}" '
            f'height="{round(bottom - top, 1)}"/>'
        )
