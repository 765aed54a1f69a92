"""Picture of a night to share: SVG, 1200 x 675. Pure."""

from html import escape

from gateway.formats.json_fields import LABEL
from gateway.reports.hypnogram_svg import (
    hypnodensity_strip,
    hypnogram_strip,
    quality_strip,
)
from gateway.reports.night.night_report import NightReport
from gateway.reports.palette import CSS_CLASS, DARK, LIGHT, night_rules
from gateway.reports.summary_text import duration_text
from gateway.staging.hypnogram import LEVELS

SURROGATES = "\ud800"  # these and the few letters after them are not worth a font
WIDTH, HEIGHT = 1200, 675
LEFT, RIGHT = 110, 40
INNER = WIDTH - LEFT - RIGHT
HYPNOGRAM, DENSITY, SIGNAL = (190, 230), (435, 110), (555, 18)  # top and height


def report_svg(report: NightReport, theme: str = "both") -> bytes:
    """Draw the night, SVG in UTF-8.

    Parameters
    ----------
    report : NightReport
    theme : str
        ``"light"`` or ``"dark"``; ``"both"`` follows the reader's system.
    """
    style = night_rules(DARK if theme == "dark" else LIGHT)
    if theme == "both":
        style += f"@media (prefers-color-scheme:dark){{{night_rules(DARK)}}}"
    night = report.night
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
            f'width="{WIDTH}" height="{HEIGHT}" font-family="system-ui, Inter, '
            f"'Segoe UI', Roboto, 'DejaVu Sans', sans-serif\" font-size=\"17\">"
        ),
        f"<style>{style}</style>",
        f'<rect class="page" width="{WIDTH}" height="{HEIGHT}"/>',
        *_head(report),
        *_numbers(report),
        _placed(hypnogram_strip(night.stages), *HYPNOGRAM),
        *_levels(),
        _placed(hypnodensity_strip(night), *DENSITY),
        _text(LEFT - 14, DENSITY[0] + DENSITY[1] / 2 + 6, "sure?", "soft", "end"),
        (
            f'<rect class="under" x="{LEFT}" y="{SIGNAL[0]}" width="{INNER}" '
            f'height="{SIGNAL[1]}"/>'
        ),
        _placed(quality_strip(night), *SIGNAL),
        _text(LEFT - 14, SIGNAL[0] + 14, "signal", "soft", "end"),
        *_hours(report),
        *_foot(report),
        "</svg>\n",
    ]
    return "".join(parts).encode()


def _placed(strip: str, top: int, height: int) -> str:
    where = f'x="{LEFT}" y="{top}" width="{INNER}" height="{height}" '
    return strip.replace("<svg ", f"<svg {where}", 1)


def _text(  # noqa: PLR0913, PLR0917 (one per attribute)
    x: float, y: float, text: str, kind: str = "", anchor: str = "start", size: int = 17
) -> str:
    return (
        f'<text x="{x:g}" y="{y:g}" class="{kind}" text-anchor="{anchor}" '
        f'font-size="{size}">{_plain(text)}</text>'
    )


def _head(report: NightReport) -> list[str]:
    night = report.night
    title = f"Night of {report.clock(0, '%-d %B %Y')}" if night.dated else night.name
    end = report.clock(len(night.epochs))
    when = f"{report.clock(0)} to {end}, {report.zone_name}" if night.dated else ""
    return [
        (
            f'<text x="{LEFT}" y="62" font-size="32" font-weight="650">'
            f"{_plain(title)}</text>"
        ),
        _text(WIDTH - RIGHT, 62, when, "soft", "end"),
    ]


def _numbers(report: NightReport) -> list[str]:
    summary = report.live_summary
    efficiency = "-" if summary.se_pct is None else f"{summary.se_pct:.0f} %"
    shown = (
        (duration_text(summary.tst_min), "asleep"),
        (efficiency, "efficiency"),
        (duration_text(summary.sol_min), "to fall asleep"),
        (duration_text(summary.waso_min), "awake in the night"),
        (duration_text(summary.unscored_min), "not scored"),
    )
    step = INNER / len(shown)
    parts = []
    for i, (number, words) in enumerate(shown):
        parts += [
            (
                f'<text x="{LEFT + step * i:g}" y="122" font-size="27" '
                f'font-weight="650">{_plain(number)}</text>'
            ),
            _text(LEFT + step * i, 148, words, "soft", size=16),
        ]
    return parts


def _levels() -> list[str]:
    top, height = HYPNOGRAM
    row = height / len(LEVELS)
    return [
        _text(LEFT - 14, top + row * (i + 0.5) + 6, LABEL[stage], "soft", "end")
        for i, stage in enumerate(LEVELS)
    ]


def _hours(report: NightReport) -> list[str]:
    n_epochs = max(1, len(report.night.epochs))
    y = SIGNAL[0] + SIGNAL[1] + 24
    return [
        _text(LEFT + INNER * tick.epoch / n_epochs, y, tick.label, "soft", "middle", 16)
        for tick in report.ticks()
    ]


def _foot(report: NightReport) -> list[str]:
    y = HEIGHT - 28
    parts = []
    x = float(LEFT)
    for stage in LEVELS:
        parts += [
            (
                f'<rect class="{CSS_CLASS[stage]}" x="{x:g}" y="{y - 12}" width="14" '
                'height="14" rx="3"/>'
            ),
            _text(x + 22, y, LABEL[stage], "soft", size=16),
        ]
        x += 76
    credit = f"Sleepgate {report.version}, {report.night.model}. Not a medical device."
    return [*parts, _text(WIDTH - RIGHT, y, credit, "soft", "end", 15)]


def _plain(text: str) -> str:
    """Return text for XML 1.0, which cannot write most control characters."""
    return escape("".join(c if " " <= c < SURROGATES else "?" for c in text))
