"""HTML report of a night: one file that needs no network and no library. Pure."""

import json
from collections.abc import Iterator
from html import escape
from importlib.resources import files

from gateway.formats.json_fields import LABEL
from gateway.reports.hypnogram_svg import (
    difference_ticks,
    hypnodensity_strip,
    hypnogram_strip,
    quality_strip,
    stage_ribbon,
)
from gateway.reports.night.html_tables import (
    expert_section,
    loss_section,
    model_section,
    statistics_section,
)
from gateway.reports.night.night_report import NightReport
from gateway.reports.palette import CSS_CLASS, page_variables
from gateway.reports.summary_text import duration_text
from gateway.staging.hypnogram import LEVELS
from gateway.staging.stage import Stage

LONG = {
    Stage.W: "wake",
    Stage.R: "REM",
    Stage.N1: "N1",
    Stage.N2: "N2",
    Stage.N3: "N3, deep",
}


def report_html(report: NightReport) -> bytes:
    """Write the report, HTML in UTF-8.

    Light or dark as the reader's system is, readable on a phone, fit for printing;
    the script only shows the epoch under the pointer.
    """
    title = f"Night of {report.clock(0, '%-d %B %Y')}"
    if not report.night.dated:
        title = f"A night: {report.night.name}"
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        (
            f"<title>{escape(title)}</title>"
            f"<style>{page_variables()}{_resource('report.css')}</style>"
        ),
        "</head><body><main>",
        *_head(report, title),
        *_notes(report),
        *_numbers(report),
        *_charts(report),
        *_shares(report),
        *statistics_section(report),
        *expert_section(report),
        *loss_section(report),
        *model_section(report),
        *_foot(report),
        f'</main><script type="application/json" id="night">{_data(report)}</script>',
        f"<script>{_resource('report.js')}</script></body></html>\n",
    ]
    return "".join(parts).encode()


def _resource(name: str) -> str:
    return (files("gateway.reports.night") / name).read_text(encoding="utf-8")


def _head(report: NightReport, title: str) -> Iterator[str]:
    night = report.night
    yield f"<header><h1>{escape(title)}</h1>"
    if night.dated:
        end = report.clock(len(night.epochs))
        yield f'<p class="soft">{report.clock(0)} to {end}, {escape(report.zone_name)}'
    else:
        yield '<p class="soft">Times count from the start of the recording'
    what = night.name if night.dated else night.device
    yield f" &middot; {escape(what)} &middot; {len(night.epochs)} epochs of 30 s</p>"
    yield "</header>"


def _notes(report: NightReport) -> Iterator[str]:
    notes = list(report.night.notes)
    if report.n_refused:
        notes.append(
            f"{report.n_refused} of {len(report.night.epochs)} epochs have no stage: "
            "see the table of lost signal"
        )
    if notes:
        items = "".join(f"<li>{escape(note)}</li>" for note in notes)
        yield f'<section class="notice"><b>Please note</b><ul>{items}</ul>'
        yield "</section>"


def _numbers(report: NightReport) -> Iterator[str]:
    night = report.live_summary
    shown = (
        (duration_text(night.tst_min), "asleep"),
        ("-" if night.se_pct is None else f"{night.se_pct:.0f} %", "sleep efficiency"),
        (duration_text(night.sol_min), "to fall asleep"),
        (duration_text(night.waso_min), "awake in the night"),
        (duration_text(night.unscored_min), "not scored"),
    )
    cells = "".join(
        f"<div><b>{value}</b><span>{of}</span></div>" for value, of in shown
    )
    yield f'<div class="numbers">{cells}</div>'


def _charts(report: NightReport) -> Iterator[str]:
    night = report.night
    yield "<section><h2>The night</h2>"
    yield '<div class="chart"><div class="cursor" hidden></div>'
    levels = "".join(f"<span>{LABEL[stage]}</span>" for stage in LEVELS)
    yield _plot(levels, hypnogram_strip(night.stages), _alt(report))
    yield _plot("<span>sure?</span>", hypnodensity_strip(night))
    yield _plot("<span>signal</span>", quality_strip(night))
    passes = stage_ribbon(night.stages)
    yield _plot("<span>live</span>", passes)
    ticks = difference_ticks(night.stages, report.final.stages)
    yield _plot("<span>2nd</span>", stage_ribbon(report.final.stages) + ticks)
    if report.expert is not None:
        yield _plot(
            "<span>expert</span>", stage_ribbon(report.expert[: len(night.epochs)])
        )
    yield f'<div class="hours">{"".join(_hours(report))}</div></div>'
    yield '<div class="readout"></div>'
    legend = "".join(
        f'<li><i class="{CSS_CLASS[stage]}"></i>{LONG[stage]}</li>' for stage in LEVELS
    )
    yield f'<ul class="legend">{legend}<li><i class="refused"></i>not scored</li></ul>'
    yield (
        '<p class="small soft"><b>Sure?</b> is the hypnodensity: the model\'s five '
        "probabilities. <b>Signal</b> is green where it was good, and red from the "
        "top where samples were lost. <b>Live</b> is the score published during the "
        "night, <b>2nd</b> the second pass over the whole night: "
        f"{_disagreement(report)}.</p>"
        "</section>"
    )


def _plot(names: str, chart: str, label: str = "") -> str:
    role = f' role="img" aria-label="{escape(label)}"' if label else ""
    return (
        f'<div class="plot"{role}><div class="names">{names}</div>'
        f"<div>{chart}</div></div>"
    )


def _alt(report: NightReport) -> str:
    night = report.live_summary
    minutes = ", ".join(f"{LABEL[s]} {night.stages_min[s]:g} min" for s in LEVELS)
    return f"Hypnogram: {minutes}, not scored {night.unscored_min:g} min"


def _disagreement(report: NightReport) -> str:
    agreed = report.passes_agree
    n, kappa = report.final.n_changed, agreed.kappa
    if not n:
        return "the two agree on every epoch"
    share = 100 * n / max(1, agreed.n_both)
    beyond = "" if kappa is None else f", kappa {kappa:.2f}"
    return f"they differ in {n} epochs ({share:.0f} %{beyond}), ticked in red"


def _hours(report: NightReport) -> Iterator[str]:
    n_epochs = max(1, len(report.night.epochs))
    for number, tick in enumerate(report.ticks()):
        odd = ' class="odd"' if number % 2 else ""
        left = 100 * tick.epoch / n_epochs
        yield f'<span{odd} style="left:{left:.2f}%">{tick.label}</span>'


def _shares(report: NightReport) -> Iterator[str]:
    night = report.live_summary
    if not night.tib_min:
        return
    bars = "".join(
        _bar(CSS_CLASS[s], night.stages_min[s] / night.tib_min)
        for s in LEVELS
        if night.stages_min[s]
    )
    if night.unscored_min:
        bars += _bar("refused", night.unscored_min / night.tib_min)
    items = "".join(
        f'<li><i class="{CSS_CLASS[s]}"></i>{LONG[s]} '
        f"{duration_text(night.stages_min[s])}{_of_sleep(night.stages_pct_tst.get(s))}</li>"
        for s in LEVELS
    )
    yield "<section><h2>How the time in bed was spent</h2>"
    yield f'<div class="shares">{bars}</div><ul class="legend" style="margin-left:0">'
    yield f"{items}</ul></section>"


def _bar(name: str, share: float) -> str:
    return f'<i class="{name}" style="width:{100 * share:.2f}%"></i>'


def _of_sleep(percent: float | None) -> str:
    return "" if percent is None else f", {percent:.0f} % of sleep"


def _foot(report: NightReport) -> Iterator[str]:
    night = report.night
    yield (
        f"<footer>Sleepgate {escape(report.version)} &middot; model "
        f"{escape(night.model)} {escape(night.model_digest)} &middot; "
        f"{escape(night.device)} &middot; {escape(night.name)}<br>"
        "Research use. Not a medical device.</footer>"
    )


def _data(report: NightReport) -> str:
    """Return the script's data, as JSON that cannot end its element."""
    start = report.night.start_utc.astimezone(report.zone)
    document = {
        "startMinutes": start.hour * 60 + start.minute,
        "startSeconds": start.second,
        "names": {stage.value: LABEL[stage] for stage in Stage},
        "stages": [_letter(stage) for stage in report.night.stages],
        "final": [_letter(stage) for stage in report.final.stages],
        "confidence": [
            None if e.confidence is None else round(100 * e.confidence)
            for e in report.night.epochs
        ],
        "missing": [round(epoch.missing_s, 1) for epoch in report.night.epochs],
    }
    return json.dumps(document, separators=(",", ":")).replace("<", "\\u003c")


def _letter(stage: object) -> str | None:
    return stage.value if isinstance(stage, Stage) else None
