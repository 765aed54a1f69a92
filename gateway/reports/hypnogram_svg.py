"""A night's stages as a picture, for a dashboard. Pure."""

from datetime import datetime, timedelta
from html import escape

from gateway.epoch_length import EPOCH_S
from gateway.staging.hypnogram import Hypnogram, StageRun
from gateway.staging.stage import Stage

WIDTH, HEIGHT = 800, 220
LEFT, TOP, RIGHT, BOTTOM = 36, 28, 8, 24
# from wake at the top to deep sleep at the bottom, REM below wake as is usual
LEVELS = (Stage.W, Stage.R, Stage.N1, Stage.N2, Stage.N3)
NAME = {stage: "REM" if stage is Stage.R else stage.value for stage in LEVELS}
HEAD = (
    f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
    'font-family="sans-serif" font-size="12">'
)


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
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        f'<text x="{LEFT}" y="16">{escape(title)}</text>',
        *_levels(),
        *_hours(start, n),
        *(_refused(run, n) for run in night.runs() if not isinstance(run.stage, Stage)),
        _steps(night.runs(), n),
        *(_rem(run, n) for run in night.runs() if run.stage is Stage.R),
        "</svg>",
    ]
    return "".join(parts).encode()


def _x(epoch: float, n: int) -> float:
    return round(LEFT + (WIDTH - LEFT - RIGHT) * epoch / n, 1)


def _y(stage: Stage) -> float:
    step = (HEIGHT - TOP - BOTTOM) / (len(LEVELS) - 1)
    return round(TOP + step * LEVELS.index(stage), 1)


def _levels() -> list[str]:
    return [
        f'<path d="M{LEFT} {_y(stage)}H{WIDTH - RIGHT}" stroke="#ddd"/>'
        f'<text x="4" y="{_y(stage) + 4}">{NAME[stage]}</text>'
        for stage in LEVELS
    ]


def _hours(start: datetime, n: int) -> list[str]:
    end = start + timedelta(seconds=n * EPOCH_S)
    hour = start.replace(minute=0, second=0, microsecond=0)
    marks = []
    while (hour := hour + timedelta(hours=1)) < end:
        x = _x((hour - start).total_seconds() / EPOCH_S, n)
        marks.append(
            f'<path d="M{x} {TOP}V{HEIGHT - BOTTOM}" stroke="#eee"/>'
            f'<text x="{x}" y="{HEIGHT - 8}" text-anchor="middle">{hour:%H}:00</text>'
        )
    return marks


def _refused(run: StageRun, n: int) -> str:
    x, end = _x(run.start, n), _x(run.start + run.length, n)
    return (
        f'<rect x="{x}" y="{TOP}" width="{round(end - x, 1)}" '
        f'height="{HEIGHT - TOP - BOTTOM}" fill="#ccc" opacity=".6"/>'
    )


def _steps(runs: list[StageRun], n: int) -> str:
    path, pen_is_up = [], True
    for run in runs:
        if not isinstance(run.stage, Stage):
            pen_is_up = True
            continue
        x, y = _x(run.start, n), _y(run.stage)
        path.append(f"M{x} {y}" if pen_is_up else f"V{y}")
        path.append(f"H{_x(run.start + run.length, n)}")
        pen_is_up = False
    return f'<path d="{"".join(path)}" fill="none" stroke="#246" stroke-width="1.5"/>'


def _rem(run: StageRun, n: int) -> str:
    y = _y(Stage.R)
    return (
        f'<path d="M{_x(run.start, n)} {y}H{_x(run.start + run.length, n)}" '
        'stroke="#c33" stroke-width="5"/>'
    )
