"""The night in numbers, for people. Pure."""

from gateway.staging.hypnogram import LEVELS
from gateway.staging.sleep_statistics import NightSummary
from gateway.staging.stage import Stage


def summary_lines(night: NightSummary) -> list[str]:
    """Write the statistics people ask for, a few to a line of at most 80 characters.

    A number that does not exist is a dash; stages are in per cent of the sleep.
    """
    lines = [
        _line(
            ("in bed", _clock(night.tib_min)),
            ("asleep", _clock(night.tst_min)),
            ("efficiency", _percent(night.se_pct)),
        ),
        _line(
            ("fell asleep after", _clock(night.sol_min)),
            ("first R after", _clock(night.rem_latency_min)),
        ),
        _line(
            ("awake in the night", _clock(night.waso_min)),
            ("awakenings", str(night.awakenings)),
        ),
        "min:  " + "  ".join(f"{s.value} {_stage(night, s)}" for s in LEVELS),
    ]
    if night.unscored_min:
        lines.append(_line(("not scored", _clock(night.unscored_min))))
    if night.second is not None and night.second.n_changed:
        after = night.second.summary
        lines.append(
            "second pass: "
            + _line(
                ("asleep", _clock(after.tst_min)),
                ("awakenings", str(after.awakenings)),
                ("other than live", f"{night.second.n_changed} epochs"),
            )
        )
    return lines


def _line(*figures: tuple[str, str]) -> str:
    return "   ".join(f"{name} {figure}" for name, figure in figures)


def _stage(night: NightSummary, stage: Stage) -> str:
    minutes = f"{night.stages_min[stage]:g}"
    if stage is Stage.W:
        return minutes
    return f"{minutes} ({_percent(night.stages_pct_tst[stage])})"


def _clock(minutes: float | None) -> str:
    if minutes is None:
        return "-"
    hours, rest = divmod(minutes, 60)
    return f"{hours:.0f} h {rest:g} min" if hours else f"{rest:g} min"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f} %"
