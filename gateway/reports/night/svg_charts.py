"""The night's curves as SVG, drawn to be stretched: words stand beside them. Pure.

One unit across is one epoch; strokes keep their width however wide the page is.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise

from gateway.staging.hypnogram import Hypnogram, StageRun
from gateway.staging.scored_night import ScoredNight
from gateway.staging.stage import STAGES, Refusal, Stage

# wake on top, deep sleep at the bottom, REM below wake as is usual
LEVELS = (Stage.W, Stage.R, Stage.N1, Stage.N2, Stage.N3)
CLASS = {stage: stage.value.lower() for stage in STAGES}
ROW = 20  # units of height for a stage
BLOCK = 14
STACK = (Stage.N3, Stage.N2, Stage.N1, Stage.R, Stage.W)  # from the bottom
FULL = 100  # units of height for all probability
QUALITY_STEPS = 8

Stages = Sequence[Stage | Refusal | None]


def hypnogram_chart(stages: Sequence[Stage | Refusal]) -> str:
    """Draw a block per run of a stage at its level; refused epochs as hatched bands."""
    runs = Hypnogram(stages).runs()
    height = ROW * len(LEVELS)
    return _svg(
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


def hypnodensity_chart(night: ScoredNight) -> str:
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
        parts.append(f'<path class="{CLASS[stage]}" d="{path}"/>')
        below = above
    refused = _refused(Hypnogram(night.stages).runs(), FULL)
    return _svg(n, FULL, "hypnodensity", *refused, *parts)


def quality_chart(night: ScoredNight) -> str:
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
        f"M{e.index} 0h1v{max(2, height * e.missing_s / 30):.1f}h-1z"
        for e in night.epochs
        if e.missing_s > 0.05  # noqa: PLR2004 (a packet or so)
    )
    return _svg(
        len(night.epochs), height, "quality", *parts, f'<path class="lost" d="{lost}"/>'
    )


def ribbon(stages: Stages) -> str:
    """Draw a hypnogram as one strip of colours."""
    parts = []
    start = 0
    for stage, run in groupby(stages):
        length = len(list(run))
        if isinstance(stage, Stage):
            parts.append(
                f'<rect class="{CLASS[stage]}" x="{start}" y="0" width="{length}" '
                'height="10"/>'
            )
        start += length
    return _svg(start, 10, "ribbon", *parts)


def differences(a: Stages, b: Stages) -> str:
    """Draw a tick for every epoch that both scored, and scored otherwise."""
    n = min(len(a), len(b))
    marks = "".join(
        f"M{i} 0h1v6h-1z"
        for i in range(n)
        if isinstance(a[i], Stage) and isinstance(b[i], Stage) and a[i] is not b[i]
    )
    return _svg(n, 6, "differences", f'<path class="differs" d="{marks}"/>')


def _svg(width: int, height: int, name: str, *parts: str) -> str:
    return (
        f'<svg class="{name}" viewBox="0 0 {max(width, 1)} {height}" '
        f'preserveAspectRatio="none" aria-hidden="true">{"".join(parts)}</svg>'
    )


def _middle(stage: Stage) -> int:
    return LEVELS.index(stage) * ROW + ROW // 2


def _block(stage: Stage, run: StageRun) -> str:
    top = _middle(stage) - BLOCK // 2
    return (
        f'<rect class="{CLASS[stage]}" x="{run.start}" y="{top}" width="{run.length}" '
        f'height="{BLOCK}"/>'
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
