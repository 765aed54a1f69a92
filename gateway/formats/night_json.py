"""A scored night as ``night.v1``, UTF-8 JSON, and back. Pure."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from gateway.epoch_length import EPOCH_S
from gateway.formats.epoch_json import epoch_document
from gateway.formats.json_fields import LABEL, utc_text
from gateway.formats.night_statistics import aasm_statistics, yasa_statistics
from gateway.messages.outputs import Reading
from gateway.staging.scored_epoch import ScoredEpoch
from gateway.staging.scored_night import PublishedEpoch, ScoredNight
from gateway.staging.sleep_statistics import summarise
from gateway.staging.stage import STAGES, Refusal, Stage

BY_LABEL = {label: stage for stage, label in LABEL.items()}


def staged_epoch(document: Mapping[str, Any]) -> PublishedEpoch:
    """Read an epoch out of ``epoch.v1`` or ``night.v1``.

    Raises
    ------
    KeyError, TypeError, ValueError
        If it is none.
    """
    quality = document["quality"]
    label, reason = document["stage"], document["reason"]
    return PublishedEpoch(
        index=int(document["epoch"]),
        stage=Refusal(reason) if label is None else BY_LABEL[label],
        hypnodensity=_density(document["proba"]),
        quality=float(quality["overall"]),
        missing_s=float(quality["missing_s"]),
        flaws=tuple(map(str, quality["flags"])),
        derivations=dict(quality["derivations"]),
        raw_hypnodensity=_density(document.get("raw_proba")),
    )


def staged_as_published(reading: Reading, scored: ScoredEpoch) -> PublishedEpoch:
    """Return an epoch as subscribers of MQTT get it."""
    return staged_epoch(epoch_document(reading, scored))


def without_holes(epochs: Iterable[PublishedEpoch]) -> tuple[PublishedEpoch, ...]:
    """Return epochs in order, those never seen as `Refusal.GAP`."""
    known = {epoch.index: epoch for epoch in epochs}
    return tuple(known.get(i) or _unseen(i) for i in range(max(known, default=-1) + 1))


def night_json(night: ScoredNight) -> bytes:
    """Write `night`, its two passes and its statistics; a line per epoch."""
    final = night.second_pass()
    head = {
        "v": 1,
        "name": night.name,
        "device": night.device,
        "start": utc_text(night.start_utc) if night.dated else None,
        "epoch_s": EPOCH_S,
        "n_epochs": len(night.epochs),
        "model": {"id": night.model, "digest": night.model_digest},
        "missing_s": round(night.missing_s, 3),
        "in_bed": _ends(night.in_bed),
        "notes": list(night.notes),
        "statistics": {
            "live": _statistics(night.stages, night.in_bed, night.hypnodensity),
            "final": _statistics(final.stages, night.in_bed, final.hypnodensity),
        },
        "final_changed_epochs": final.n_changed,
    }
    lines = [
        json.dumps(
            {**_epoch(epoch), "final_stage": _label(stage)},
            separators=(",", ":"),
            allow_nan=False,
        )
        for epoch, stage in zip(night.epochs, final.stages, strict=True)
    ]
    opened = json.dumps(head, indent=1, allow_nan=False).removesuffix("\n}")
    body = ",\n  ".join(lines)
    return f'{opened},\n "epochs": [\n  {body}\n ]\n}}\n'.encode()


def read_night_json(content: bytes) -> ScoredNight:
    """Read what `night_json` wrote.

    Raises
    ------
    KeyError, TypeError, ValueError
        If it is something else.
    """
    document = json.loads(content)
    start = document["start"]
    model = document["model"]
    return ScoredNight(
        name=str(document["name"]),
        device=str(document["device"]),
        start_utc=datetime.fromisoformat(start or "1985-01-01T00:00:00+00:00"),
        dated=start is not None,
        model=str(model["id"]),
        model_digest=str(model["digest"]),
        epochs=without_holes(map(staged_epoch, document["epochs"])),
        in_bed=None if document["in_bed"] is None else range(*document["in_bed"]),
        notes=tuple(map(str, document["notes"])),
    )


def read_epoch_lines(content: bytes, name: str) -> ScoredNight:
    """Read ``epoch.v1`` documents, one a line: a journal's, or what `score` prints.

    Lines that are something else, as the summary, are passed over.

    Raises
    ------
    KeyError, TypeError, ValueError
        If there is no epoch in it, or a line is no JSON.
    """
    documents = [json.loads(line) for line in content.splitlines() if line.strip()]
    epochs = [d for d in documents if "epoch" in d and "proba" in d]
    if not epochs:
        raise ValueError("no epoch in it")
    first = min(epochs, key=lambda epoch: int(epoch["epoch"]))
    start_utc = datetime.fromisoformat(first["start"]).astimezone(UTC)
    night = ScoredNight(
        name=name,
        device=str(first["device"]),
        start_utc=start_utc,
        dated=True,
        model=str(first["model"]["id"]),
        model_digest=str(first["model"]["digest"]),
        epochs=without_holes(map(staged_epoch, epochs)),
    )
    return _since_first(night, int(first["epoch"]))


def _since_first(night: ScoredNight, epoch: int) -> ScoredNight:
    """Date the night by its first epoch, if those before were lost."""
    if not epoch:
        return night
    return replace(night, start_utc=night.start_of(-epoch))


def _ends(in_bed: range | None) -> list[int] | None:
    return None if in_bed is None else [in_bed.start, in_bed.stop]


def _statistics(
    stages: tuple[Stage | Refusal, ...],
    in_bed: range | None,
    hypnodensity: tuple[tuple[float, ...], ...],
) -> dict[str, Any]:
    summary = summarise(stages, in_bed, hypnodensity)
    return {"yasa": yasa_statistics(summary), "aasm": aasm_statistics(summary)}


def _epoch(epoch: PublishedEpoch) -> dict[str, Any]:
    return {
        "epoch": epoch.index,
        "start_s": epoch.index * EPOCH_S,
        "stage": _label(epoch.stage),
        "reason": epoch.stage.value if isinstance(epoch.stage, Refusal) else None,
        "proba": _proba(epoch.hypnodensity),
        "raw_proba": _proba(epoch.raw_hypnodensity),
        "quality": {
            "overall": epoch.quality,
            "missing_s": epoch.missing_s,
            "flags": list(epoch.flaws),
            "derivations": dict(epoch.derivations),
        },
    }


def _proba(hypnodensity: tuple[float, ...]) -> dict[str, float] | None:
    if not hypnodensity:
        return None
    return {LABEL[s]: p for s, p in zip(STAGES, hypnodensity, strict=True)}


def _density(proba: Mapping[str, Any] | None) -> tuple[float, ...]:
    return () if proba is None else tuple(float(proba[LABEL[s]]) for s in STAGES)


def _label(stage: Stage | Refusal) -> str | None:
    return LABEL[stage] if isinstance(stage, Stage) else None


def _unseen(index: int) -> PublishedEpoch:
    return PublishedEpoch(index, Refusal.GAP, (), 0.0, float(EPOCH_S), ("gap",), {})
