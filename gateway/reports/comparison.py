"""Comparison of two scorings, as text and as ``comparison.v1``. Pure."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gateway.evaluation.agreement import Agreement
from gateway.evaluation.bland_altman import NightsAgreement
from gateway.evaluation.night_numbers import NUMBERS, UNITS, NightComparison, pooled
from gateway.formats.json_fields import LABEL
from gateway.reports.summary_text import epochs_text
from gateway.staging.stage import STAGES

WORDS = {"REM_latency": "REM latency"}
FLAGS = {
    "proportional_bias": "the bias changes with the reference",
    "heteroscedastic": "the spread changes with the reference",
    "not_normal": "the differences are not normally distributed: the intervals are "
    "approximate",
}


def comparison_lines(
    nights: Sequence[NightComparison],
    over_nights: Mapping[str, NightsAgreement | None],
) -> Iterator[str]:
    """Yield the comparison as lines of text.

    Parameters
    ----------
    nights : sequence of NightComparison
    over_nights : mapping of str to (NightsAgreement or None)
        From `compare_nights`; empty where there are too few.
    """
    total = pooled(nights)
    yield agreement_line(total)
    if total.coverage is not None:
        f1 = "-" if total.macro_f1 is None else f"{total.macro_f1:.3f}"
        yield f"coverage {total.coverage:.1%}, macro F1 {f1}"
    yield ""
    yield from _confusion(total)
    yield ""
    if any(over_nights.values()):
        yield from _bland_altman(over_nights)
    else:
        for night in nights:
            yield from _discrepancies(night)


def agreement_line(agreement: Agreement) -> str:
    """Return accuracy and kappa, and over which epochs they were taken."""
    over = f"{epochs_text(agreement.n_both)} scored by both"
    if agreement.n_refused:
        over += f", {agreement.n_refused} scored by the reference only"
    if agreement.accuracy is None:
        return f"nothing to compare ({over})"
    kappa = "-" if agreement.kappa is None else f"{agreement.kappa:.2f}"
    return f"accuracy {agreement.accuracy:.1%}, kappa {kappa} ({over})"


def _confusion(total: Agreement) -> Iterator[str]:
    names = "".join(f"{LABEL[stage]:>7}" for stage in STAGES)
    yield f"{'reference':<11}{names}   precision  recall     F1"
    for row, (stage, found) in zip(total.confusion, total.stages.items(), strict=True):
        counts = "".join(f"{count:7d}" for count in row)
        shares = (found.precision, found.recall, found.f1)
        figures = "".join(f"{_figure(share):>8}" for share in shares)
        yield f"{LABEL[stage]:<11}{counts}    {figures}"


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _discrepancies(night: NightComparison) -> Iterator[str]:
    yield f"{night.name}, over the epochs that both scored:"
    for number in NUMBERS:
        mine, its = night.ours[number], night.reference[number]
        by = night.difference(number)
        change = "" if by is None else f"   {by:+.1f} {UNITS[number]}"
        yield (
            f"  {WORDS.get(number, number):<12} ours {_plain(mine):>7}   reference "
            f"{_plain(its):>7}{change}"
        )


def _plain(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def _bland_altman(over: Mapping[str, NightsAgreement | None]) -> Iterator[str]:
    yield "ours minus reference, bias and 95 % limits of agreement (their 95 % CI):"
    for number, found in over.items():
        name = WORDS.get(number, number)
        if found is None:
            yield f"  {name:<12} no figures: fewer than three nights have it"
            continue
        low, bias, high = (
            f"{x.value:+.1f} ({x.lower:+.1f}, {x.upper:+.1f})"
            for x in (found.lower_limit, found.bias, found.upper_limit)
        )
        unit = UNITS[number]
        yield (
            f"  {name:<12} {bias} {unit}, limits {low} to {high} {unit}, "
            f"{found.n_nights} nights"
        )
        for flag in flags(found):
            yield f"  {'':<12} ! {FLAGS[flag]}"


def flags(found: NightsAgreement) -> list[str]:
    """Return the assumptions of Bland and Altman that do not hold."""
    return [
        name
        for name, holds in (
            ("proportional_bias", found.proportional_bias),
            ("heteroscedastic", found.heteroscedastic),
            ("not_normal", not found.normal),
        )
        if holds
    ]


def comparison_json(
    nights: Sequence[NightComparison],
    over_nights: Mapping[str, NightsAgreement | None],
    alone: Sequence[str],
) -> bytes:
    """Write the comparison as ``comparison.v1``, UTF-8 JSON."""
    document = {
        "v": 1,
        "stages": [LABEL[stage] for stage in STAGES],
        "epochs": _epochs(pooled(nights)),
        "nights": [
            {
                "name": night.name,
                "epochs": _epochs(night.epochs),
                "ours": dict(night.ours),
                "reference": dict(night.reference),
                "difference": {n: night.difference(n) for n in NUMBERS},
            }
            for night in nights
        ],
        "bland_altman": {
            number: None if found is None else _limits(found, UNITS[number])
            for number, found in over_nights.items()
        },
        "without_counterpart": list(alone),
    }
    return json.dumps(document, indent=1, allow_nan=False).encode() + b"\n"


def _epochs(found: Agreement) -> dict[str, Any]:
    return {
        "n_both": found.n_both,
        "n_not_scored_by_us": found.n_refused,
        "coverage": found.coverage,
        "accuracy": found.accuracy,
        "kappa": found.kappa,
        "macro_f1": found.macro_f1,
        "confusion": [list(row) for row in found.confusion],
        "by_stage": {LABEL[stage]: of._asdict() for stage, of in found.stages.items()},
    }


def _limits(found: NightsAgreement, unit: str) -> dict[str, Any]:
    return {
        "unit": unit,
        "n_nights": found.n_nights,
        "sd": found.sd,
        "bias": found.bias._asdict(),
        "lower_limit": found.lower_limit._asdict(),
        "upper_limit": found.upper_limit._asdict(),
        "bias_line": found.bias_line._asdict(),
        "residual_line": found.residual_line._asdict(),
        "flags": flags(found),
    }
