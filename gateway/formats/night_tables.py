"""A scored night as tables: CSV and BIDS. Pure."""

import csv
import io
import json
from collections.abc import Iterator

from gateway.epoch_length import EPOCH_S
from gateway.formats.json_fields import LABEL, REFUSAL_CODE, utc_text
from gateway.staging.scored_night import ScoredNight
from gateway.staging.stage import STAGES, YASA_CODE, Refusal, Stage

UNSCORED = "n/a"  # BIDS 1.10, tabular files: a missing value
PROBABILITIES = tuple(f"p_{LABEL[stage]}" for stage in STAGES)
BIDS_COLUMNS = (
    *("onset", "duration", "stage", "stage_final", "stage_yasa", "reason"),
    *("confidence", *PROBABILITIES, "quality", "missing_s"),
)
CSV_COLUMNS = ("epoch", "start", *BIDS_COLUMNS)


def night_csv(night: ScoredNight) -> bytes:
    """Write one line per epoch, UTF-8; what does not exist is an empty field."""
    rows = (
        {**row, "start": start}
        for row, start in zip(_rows(night), _starts(night), strict=True)
    )
    return _table(CSV_COLUMNS, rows, ",", "")


def bids_tsv(night: ScoredNight) -> bytes:
    """Write a BIDS ``_hypnogram.tsv``: one line per epoch, UTF-8."""
    return _table(BIDS_COLUMNS, _rows(night), "\t", UNSCORED)


def bids_json(night: ScoredNight) -> bytes:
    """Write the ``_hypnogram.json`` that explains the columns of `bids_tsv`."""
    levels = {LABEL[stage]: f"AASM stage {LABEL[stage]}" for stage in STAGES}
    document = {
        "Description": "Sleep stages of 30-s epochs by an automatic scorer; research "
        "use, not a medical device",
        "GeneratedBy": [
            {
                "Name": "sleepgate",
                "Model": night.model,
                "ModelDigest": night.model_digest,
            }
        ],
        "Sources": [night.name],
        "RecordingStart": utc_text(night.start_utc) if night.dated else UNSCORED,
        "Notes": list(night.notes),
        "onset": {"Description": "Since the recording began", "Units": "s"},
        "duration": {"Units": "s"},
        "stage": {
            "Description": "As it was live, epoch by epoch; n/a where refused",
            "Levels": levels,
        },
        "stage_final": {
            "Description": "Given the whole night (hidden Markov model over the "
            "probabilities); refused epochs stay n/a",
            "Levels": levels,
        },
        "stage_yasa": {
            "Description": "The code of `stage` in YASA",
            "Levels": {
                **{str(code): LABEL[stage] for stage, code in YASA_CODE.items()},
                "-1": "artefact",
                "-2": "unscored",
            },
        },
        "reason": {"Description": "Why the epoch was not scored"},
        "confidence": {"Description": "Probability of `stage`"},
        **{
            name: {"Description": f"Probability of {name.removeprefix('p_')}"}
            for name in PROBABILITIES
        },
        "quality": {"Description": "1 is flawless, 0 useless"},
        "missing_s": {"Description": "Lost samples", "Units": "s"},
    }
    return (json.dumps(document, indent=2) + "\n").encode()


def _rows(night: ScoredNight) -> Iterator[dict[str, object]]:
    for epoch, final in zip(night.epochs, night.second_pass().stages, strict=True):
        density = epoch.hypnodensity or (None,) * len(STAGES)
        yield {
            "epoch": epoch.index,
            "onset": epoch.index * EPOCH_S,
            "duration": EPOCH_S,
            "stage": _label(epoch.stage),
            "stage_final": _label(final),
            "stage_yasa": _code(epoch.stage),
            "reason": epoch.stage.value if isinstance(epoch.stage, Refusal) else None,
            "confidence": _short(epoch.confidence),
            **{name: _short(p) for name, p in zip(PROBABILITIES, density, strict=True)},
            "quality": _short(epoch.quality),
            "missing_s": epoch.missing_s,
        }


def _starts(night: ScoredNight) -> Iterator[str]:
    for epoch in night.epochs:
        yield utc_text(night.start_of(epoch.index)) if night.dated else ""


def _table(
    columns: tuple[str, ...],
    rows: Iterator[dict[str, object]],
    separator: str,
    missing: str,
) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=separator, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        values = (row[column] for column in columns)
        writer.writerow(missing if value is None else value for value in values)
    return text.getvalue().encode()


def _label(stage: Stage | Refusal) -> str | None:
    return LABEL[stage] if isinstance(stage, Stage) else None


def _code(stage: Stage | Refusal) -> int:
    return YASA_CODE[stage] if isinstance(stage, Stage) else REFUSAL_CODE[stage]


def _short(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
