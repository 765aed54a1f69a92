"""Hypnogram, hypnodensity and signal quality of a night as SVG. Pure.

`draw_svg` is one picture with its own labels, for a dashboard. The strips of a report
are drawn to be stretched, one unit across for an epoch: words stand beside them, and
strokes keep their width however wide the page is.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from html import escape
from itertools import groupby, pairwise

from gateway.epoch_length import EPOCH_S
from gateway.reports.palette import CSS_CLASS, DASHBOARD
from gateway.reports.time_axis import full_hours
from gateway.staging.hypnogram import LEVELS, Hypnogram, StageRun
from gateway.staging.scored_night import ScoredNight
from gateway.staging.stage import STAGES, Refusal, Stage

WIDTH, HEIGHT = 800, 220
LEFT, TOP, RIGHT, BOTTOM = 36, 28, 8, 24
NAME = {stage: "REM" if stage is Stage.R else stage.value for stage in LEVELS}
HEAD = (
    f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
    'font-family="sans-serif" font-size="12">'
)
ROW = 20  # units of height for a stage
BLOCK = 14
STACK = (Stage.N3, Stage.N2, Stage.N1, Stage.R, Stage.W)  # from the bottom
FULL = 100  # units of height for all probability
QUALITY_STEPS = 8

Stages = Sequence[Stage | Refusal | None]


def draw_svg(night: Hypnogram, start: datetime, title: str) -> bytes:
    """Draw `night` as SVG, UTF-8.

    Parameters
    ----------
    night : Hypnogram
    start : datetime
        Of its first epoch, in the time zone of the axis.
    title : str
        Above it.

    Returns
    -------
    bytes
        Stages as steps, REM thick, refused epochs as grey bands.
    """
    n = max(len(night), 1)
    parts = [
        HEAD,
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="{DASHBOARD["page"]}"/>',
        f'<text x="{LEFT}" y="16">{escape(title)}</text>',
        *_dashboard_levels(),
        *_dashboard_hours(start, n),
        *(
            _dashboard_refused(run, n)
            for run in night.runs()
            if not isinstance(run.stage, Stage)
        ),
        _dashboard_steps(night.runs(), n),
        *(_dashboard_rem(run, n) for run in night.runs() if run.stage is Stage.R),
        "</svg>",
    ]
    return "".join(parts).encode()


def _x(epoch: float, n: int) -> float:
    return round(LEFT + (WIDTH - LEFT - RIGHT) * epoch / n, 1)


def _y(stage: Stage) -> float:
    step = (HEIGHT - TOP - BOTTOM) / (len(LEVELS) - 1)
    return round(TOP + step * LEVELS.index(stage), 1)


def _dashboard_levels() -> list[str]:
    return [
        f'<path d="M{LEFT} {_y(stage)}H{WIDTH - RIGHT}" '
        f'stroke="{DASHBOARD["level"]}"/>'
        f'<text x="4" y="{_y(stage) + 4}">{NAME[stage]}</text>'
        for stage in LEVELS
    ]


def _dashboard_hours(start: datetime, n: int) -> Iterator[str]:
    for tick in full_hours(start, n):
        x = _x(tick.epoch, n)
        yield (
            f'<path d="M{x} {TOP}V{HEIGHT - BOTTOM}" stroke="{DASHBOARD["hour"]}"/>'
            f'<text x="{x}" y="{HEIGHT - 8}" text-anchor="middle">{tick.label}</text>'
        )


def _dashboard_refused(run: StageRun, n: int) -> str:
    x, end = _x(run.start, n), _x(run.start + run.length, n)
    return (
        f'<rect x="{x}" y="{TOP}" width="{round(end - x, 1)}" '
        f'height="{HEIGHT - TOP - BOTTOM}" fill="{DASHBOARD["refused"]}" '
        'opacity=".6"/>'
    )


def _dashboard_steps(runs: list[StageRun], n: int) -> str:
    path, pen_is_up = [], True
    for run in runs:
        if not isinstance(run.stage, Stage):
            pen_is_up = True
            continue
        x, y = _x(run.start, n), _y(run.stage)
        path.append(f"M{x} {y}" if pen_is_up else f"V{y}")
        path.append(f"H{_x(run.start + run.length, n)}")
        pen_is_up = False
    return (
        f'<path d="{"".join(path)}" fill="none" stroke="{DASHBOARD["step"]}" '
        'stroke-width="1.5"/>'
    )


def _dashboard_rem(run: StageRun, n: int) -> str:
    y = _y(Stage.R)
    return (
        f'<path d="M{_x(run.start, n)} {y}H{_x(run.start + run.length, n)}" '
        f'stroke="{DASHBOARD["r"]}" stroke-width="5"/>'
    )


def hypnogram_strip(stages: Sequence[Stage | Refusal]) -> str:
    """Draw a block per run of a stage at its level; refused epochs as hatched bands."""
    runs = Hypnogram(stages).runs()
    height = ROW * len(LEVELS)
    return _strip(
        len(stages),
        height,
        "hypnogram",
        *(
            f'<path class="level" d="M0 {_middle(stage)}H{len(stages)}"/>'
            for stage in LEVELS
        ),
        *_refused(runs, height),
        f'<path class="step" d="{_risers(runs)}"/>',
        *(_block(run.stage, run) for run in runs if isinstance(run.stage, Stage)),
    )


def hypnodensity_strip(night: ScoredNight) -> str:
    """Draw the five probabilities, stacked to 1; a refused epoch leaves a gap."""
    n = len(night.epochs)
    parts = []
    below = [0.0] * n
    for stage in STACK:
        at = STAGES.index(stage)
        above = [
            low + FULL * epoch.hypnodensity[at] if epoch.hypnodensity else low
            for low, epoch in zip(below, night.epochs, strict=True)
        ]
        path = _between(above, below)
        parts.append(f'<path class="{CSS_CLASS[stage]}" d="{path}"/>')
        below = above
    refused = _refused(Hypnogram(night.stages).runs(), FULL)
    return _strip(n, FULL, "hypnodensity", *refused, *parts)


def quality_strip(night: ScoredNight) -> str:
    """Draw the quality as a tint, the share of lost samples as bars from the top."""
    height = 20
    parts: list[str] = []
    start = 0
    steps = (round(epoch.quality * QUALITY_STEPS) for epoch in night.epochs)
    for step, run in groupby(steps):
        length = len(list(run))
        if step:
            parts.append(
                f'<rect class="good" x="{start}" y="0" width="{length}" '
                f'height="{height}" opacity="{step / QUALITY_STEPS:g}"/>'
            )
        start += length
    lost = "".join(
        f"M{e.index} 0h1v{max(2, height * e.missing_s / EPOCH_S):.1f}h-1z"
        for e in night.epochs
        if e.missing_s > 0.05  # noqa: PLR2004 (a packet or so)
    )
    return _strip(
        len(night.epochs), height, "quality", *parts, f'<path class="lost" d="{lost}"/>'
    )


def stage_ribbon(stages: Stages) -> str:
    """Draw a hypnogram as one strip of colours."""
    parts = []
    start = 0
    for stage, run in groupby(stages):
        length = len(list(run))
        if isinstance(stage, Stage):
            parts.append(
                f'<rect class="{CSS_CLASS[stage]}" x="{start}" y="0" width="{length}" '
                'height="10"/>'
            )
        start += length
    return _strip(start, 10, "ribbon", *parts)


def difference_ticks(a: Stages, b: Stages) -> str:
    """Draw a tick for every epoch that both scored, and scored otherwise."""
    n = min(len(a), len(b))
    marks = "".join(
        f"M{i} 0h1v6h-1z"
        for i in range(n)
        if isinstance(a[i], Stage) and isinstance(b[i], Stage) and a[i] is not b[i]
    )
    return _strip(n, 6, "differences", f'<path class="differs" d="{marks}"/>')


def _strip(width: int, height: int, name: str, *parts: str) -> str:
    return (
        f'<svg class="{name}" viewBox="0 0 {max(width, 1)} {height}" '
        f'preserveAspectRatio="none" aria-hidden="true">{"".join(parts)}</svg>'
    )


def _middle(stage: Stage) -> int:
    return LEVELS.index(stage) * ROW + ROW // 2


def _block(stage: Stage, run: StageRun) -> str:
    top = _middle(stage) - BLOCK // 2
    return (
        f'<rect class="{CSS_CLASS[stage]}" x="{run.start}" y="{top}" '
        f'width="{run.length}" height="{BLOCK}"/>'
    )


def _risers(runs: list[StageRun]) -> str:
    path = []
    for before, after in pairwise(runs):
        if isinstance(before.stage, Stage) and isinstance(after.stage, Stage):
            y, end = _middle(before.stage), _middle(after.stage)
            path.append(f"M{after.start} {y}V{end}")
    return "".join(path)


def _refused(runs: list[StageRun], height: int) -> Iterator[str]:
    for run in runs:
        if isinstance(run.stage, Refusal):
            yield (
                f'<rect class="refused" x="{run.start}" y="0" width="{run.length}" '
                f'height="{height}"/>'
            )


def _between(above: Sequence[float], below: Sequence[float]) -> str:
    """Return the outline of a stepped area; 0 is at the bottom."""
    there = [f"M0 {FULL - below[0]:.0f}"] if below else []
    there += _walk(above, range(len(above)), 1)
    back = _walk(below, range(len(below) - 1, -1, -1), 0)
    return "".join([*there, *back, "z"]) if there else ""


def _walk(heights: Sequence[float], order: range, ahead: int) -> list[str]:
    path: list[str] = []
    last = None
    for i in order:
        y = f"{FULL - heights[i]:.0f}"
        if y != last:
            path.append(f"V{y}")
            last = y
            path.append(f"H{i + ahead}")
        else:
            path[-1] = f"H{i + ahead}"
    return path
