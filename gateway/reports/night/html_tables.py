"""Tables of the report's page: statistics, losses, agreement, model. Pure."""

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from gateway.epoch_length import EPOCH_S
from gateway.evaluation.agreement import agreement
from gateway.formats.json_fields import LABEL
from gateway.formats.night_statistics import aasm_statistics, yasa_statistics
from gateway.reports.night.night_report import LossSpan, NightReport, loss_spans
from gateway.reports.summary_text import duration_text
from gateway.staging.stage import STAGES

MOST_SPANS = 24
# YASA's name, what it is, its unit
YASA_ROWS = (
    ("TIB", "Time in bed", "min"),
    ("SPT", "Sleep period, first to last sleep", "min"),
    ("TST", "Total sleep time", "min"),
    ("SE", "Sleep efficiency, TST of TIB", "%"),
    ("SME", "Sleep maintenance efficiency, TST of SPT", "%"),
    ("SOL", "Sleep onset latency", "min"),
    ("SOL_5min", "Latency to 5 min of unbroken sleep", "min"),
    ("WASO", "Wake after sleep onset, within SPT", "min"),
    ("Lat_REM", "First REM from the start", "min"),
    ("SFI", "Sleep fragmentation, sleep to wake", "/h"),
    ("WAKE", "Wake", "min"),
    ("N1", "N1", "min"),
    ("N2", "N2", "min"),
    ("N3", "N3", "min"),
    ("REM", "REM", "min"),
    ("%N1", "N1 of TST", "%"),
    ("%N2", "N2 of TST", "%"),
    ("%N3", "N3 of TST", "%"),
    ("%REM", "REM of TST", "%"),
    ("ART", "Refused as artefact", "min"),
    ("UNS", "Unscored", "min"),
)
AASM_ROWS = (
    ("REM_latency_from_onset_min", "REM latency from sleep onset", "min"),
    ("N3_latency_from_onset_min", "N3 latency from sleep onset", "min"),
    ("awakenings", "Awakenings", ""),
    ("awakenings_per_h", "Awakenings per hour of sleep", "/h"),
    ("stage_shift_index_per_h", "Stage shifts per hour of sleep", "/h"),
)


def statistics_section(report: NightReport) -> Iterator[str]:
    """Yield the sleep statistics of both passes."""
    live, final = report.live_summary, report.final_summary
    yield '<section><h2>Sleep statistics</h2><div class="scroll"><table><tr>'
    yield "<th>Definition of YASA 0.8.1</th><th>live</th><th>second pass</th></tr>"
    mine, its = yasa_statistics(live), yasa_statistics(final)
    for name, words, unit in YASA_ROWS:
        if name in mine:
            yield _row(words, name, unit, mine[name], its[name])
    yield "<tr><th>Variants of clinical reports (AASM)</th><th></th><th></th></tr>"
    mine, its = aasm_statistics(live), aasm_statistics(final)
    for name, words, unit in AASM_ROWS:
        yield _row(words, "", unit, mine[name], its[name])
    yield (
        '</table></div><p class="small soft">Epochs that were not scored belong to '
        "the time in bed and to no stage: sleep in them is not counted, nor is wake. "
        f"{_in_bed(report)} "
        "The second pass also uses the epochs after each epoch; it leaves unscored "
        "epochs unscored.</p></section>"
    )


def _in_bed(report: NightReport) -> str:
    """Return which part of the recording counts as time in bed."""
    in_bed = report.night.in_bed
    if in_bed is None or len(in_bed) == len(report.night.epochs):
        return "Time in bed is the whole recording."
    begin, end = report.clock(in_bed.start), report.clock(in_bed.stop)
    return f"Time in bed is from {begin} to {end}."


def _row(
    words: str, name: str, unit: str, live: float | None, final: float | None
) -> str:
    short = f"<small>{escape(name)}</small>" if name and name != words else ""
    cells = "".join(f"<td>{_number(value, unit)}</td>" for value in (live, final))
    return f"<tr><td>{escape(words)}{short}</td>{cells}</tr>"


def _number(value: float | None, unit: str) -> str:
    if value is None:
        return "-"
    text = f"{value:g}" if unit in {"min", ""} else f"{value:.1f}"
    return f"{text} {unit}".strip()


def expert_section(report: NightReport) -> Iterator[str]:
    """Yield the agreement with a person's hypnogram, where there is one."""
    if report.expert is None:
        return
    passes = [
        agreement(stages, report.expert)
        for stages in (report.night.stages, report.final.stages)
    ]
    yield f"<section><h2>Agreement with {escape(report.expert_name)}</h2>"
    yield '<div class="scroll"><table><tr><th></th><th>live</th><th>second pass</th>'
    yield "</tr>"
    rows = {
        "Accuracy": [_share(found.accuracy) for found in passes],
        "Cohen's kappa": [_kappa(found.kappa) for found in passes],
        **{
            f"F1 {LABEL[stage]}": [_share(found.stages[stage].f1) for found in passes]
            for stage in STAGES
        },
        "Epochs scored by both": [str(found.n_both) for found in passes],
        "Coverage of the expert's": [_share(found.coverage) for found in passes],
    }
    for words, values in rows.items():
        cells = "".join(f"<td>{value}</td>" for value in values)
        yield f"<tr><td>{words}</td>{cells}</tr>"
    yield "</table></div></section>"


def _kappa(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.0f} %"


def loss_section(report: NightReport) -> Iterator[str]:
    """Yield the table of lost and refused epochs."""
    night = report.night
    found = loss_spans(night)
    recorded_s = len(night.epochs) * EPOCH_S
    share = 100 * night.missing_s / recorded_s if recorded_s else 0.0
    yield "<section><h2>Lost signal and unscored epochs</h2>"
    yield (
        f"<p>{_seconds(night.missing_s)} of signal never arrived ({share:.2f} % of the "
        f"night); {report.n_refused} of {len(night.epochs)} epochs were not scored.</p>"
    )
    if found:
        worst = sorted(found, key=lambda t: (-t.n_epochs, -t.lost_s))[:MOST_SPANS]
        yield '<div class="scroll"><table><tr><th>when</th><th class="words">what</th>'
        yield "<th>epochs</th><th>lost</th><th>scored</th></tr>"
        for span in sorted(worst):
            yield _loss_row(report, span)
        yield "</table></div>"
        if len(found) > len(worst):
            left = len(found) - len(worst)
            yield f'<p class="small soft">and {left} shorter spans.</p>'
    yield "</section>"


def _loss_row(report: NightReport, span: LossSpan) -> str:
    begin = report.clock(span.first, "%H:%M:%S")
    end = report.clock(span.first + span.n_epochs, "%H:%M:%S")
    lost = _seconds(span.lost_s) if span.lost_s else "-"
    return (
        f'<tr><td>{begin} to {end}</td><td class="words">{escape(span.what)}</td>'
        f"<td>{span.n_epochs}</td><td>{lost}</td>"
        f"<td>{'no' if span.refused else 'yes'}</td></tr>"
    )


def _seconds(seconds: float) -> str:
    if seconds < 120:  # noqa: PLR2004 (two minutes)
        return f"{seconds:.3g} s"
    return duration_text(round(seconds / 60, 1))


def model_section(report: NightReport) -> Iterator[str]:
    """Yield the card's limits first, then its figures."""
    yield "<section><h2>Limits of the model</h2>"
    about = report.about
    if about is None:
        yield (
            f"<p>The model that scored this night, {escape(report.night.model)}, is "
            "no longer installed, so its limits and figures cannot be shown.</p>"
            "</section>"
        )
        return
    limits = "".join(f"<li>{escape(str(x))}</li>" for x in about.get("limits", ()))
    yield f'<ul class="limits">{limits}</ul>'
    yield from _figures(about)
    if use := about.get("intended_use"):
        yield f'<p class="small soft">Intended use: {escape(str(use))}.</p>'
    yield "</section>"


def _figures(about: Mapping[str, Any]) -> Iterator[str]:
    figures = about.get("figures_int8", {})
    if not figures:
        return
    yield "<details><summary>Accuracy on data it was not trained on</summary>"
    yield '<div class="scroll"><table><tr><th>data</th><th>accuracy</th><th>kappa</th>'
    yield "<th>epochs</th><th>subjects</th></tr>"
    for name, found in figures.items():
        accuracy = _with_interval(found.get("accuracy"), "{:.0%}")
        kappa = _with_interval(found.get("kappa"), "{:.2f}")
        counts = (escape(str(found.get(n, "-"))) for n in ("n_epochs", "n_subjects"))
        cells = (escape(str(name)), accuracy, kappa, *counts)
        yield "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"
    yield "</table></div></details>"


def _with_interval(figure: object, form: str) -> str:
    """Write a card's figure: a number, or one with its 95 % interval."""
    match figure:
        case {"value": float() | int() as value, "interval_95": [low, high]}:
            ends = f"{form.format(low)}-{form.format(high)}"
            return f"{form.format(value)}<small>{ends}</small>"
        case float() | int():
            return form.format(figure)
        case _:
            return "-"
