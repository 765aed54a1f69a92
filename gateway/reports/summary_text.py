"""Sleep statistics of a night as text. Pure."""

from gateway.staging.hypnogram import LEVELS
from gateway.staging.sleep_statistics import NightSummary
from gateway.staging.stage import Refusal, Stage

REFUSAL_TEXT = {
    Refusal.WARM_UP: "warming up",
    Refusal.GAP: "samples lost",
    Refusal.LOW_QUALITY: "signal not usable",
    Refusal.OFF_HEAD: "headband off the head",
    Refusal.MODEL_ERROR: "the model failed",
}


def summary_lines(night: NightSummary) -> list[str]:
    """Write the statistics people ask for, a few to a line of at most 80 characters.

    A number that does not exist is a dash; stages are in per cent of the sleep.
    """
    lines = [
        _line(
            ("in bed", duration_text(night.tib_min)),
            ("asleep", duration_text(night.tst_min)),
            ("efficiency", _percent(night.se_pct)),
        ),
        _line(
            ("fell asleep after", duration_text(night.sol_min)),
            ("first lasting REM after", duration_text(night.rem_latency_min)),
        ),
        _line(
            ("awake in the night", duration_text(night.waso_min)),
            ("awakenings", str(night.awakenings)),
        ),
        "min:  " + "  ".join(f"{s.value} {_stage(night, s)}" for s in LEVELS),
    ]
    if night.unscored_min:
        lines.append(_line(("not scored", duration_text(night.unscored_min))))
    if night.second is not None and night.second.n_changed:
        after = night.second.summary
        lines.append(
            "second pass: "
            + _line(
                ("asleep", duration_text(after.tst_min)),
                ("awakenings", str(after.awakenings)),
            )
        )
        n_changed = epochs_text(night.second.n_changed)
        lines.append(f"  differs from the live score in {n_changed}")
    return lines


def _line(*figures: tuple[str, str]) -> str:
    return "   ".join(f"{name} {figure}" for name, figure in figures)


def _stage(night: NightSummary, stage: Stage) -> str:
    minutes = f"{night.stages_min[stage]:g}"
    if stage is Stage.W:
        return minutes
    return f"{minutes} ({_percent(night.stages_pct_tst[stage])})"


def epochs_text(n_epochs: int) -> str:
    """Return e.g. ``"1 epoch"``."""
    return f"{n_epochs} epoch{'' if n_epochs == 1 else 's'}"


def duration_text(minutes: float | None) -> str:
    """Return e.g. ``"6 h 42.5 min"``; a dash for what does not exist.

    Half minutes are epochs, and are never rounded away.
    """
    if minutes is None:
        return "-"
    hours, rest = divmod(minutes, 60)
    return f"{hours:.0f} h {rest:g} min" if hours else f"{rest:g} min"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f} %"
