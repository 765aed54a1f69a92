"""Scored epochs as ``schemas/epoch.v1.json``. Pure."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from gateway.epoch_length import EPOCH_S
from gateway.formats.json_fields import LABEL, REFUSAL_CODE, STAGE, json_bytes, utc_text
from gateway.messages.outputs import Reading
from gateway.preprocessing.signal_quality import Flaw, Quality
from gateway.staging.scored_epoch import ScoredEpoch
from gateway.staging.stage import (
    STAGES,
    YASA_CODE,
    Refusal,
    Stage,
)

LATE = timedelta(seconds=60)


class Posting(NamedTuple):
    """Time and sequence number of an epoch's message.

    Attributes
    ----------
    seq : int or None
        Position among all epochs of this gateway, without holes; None while the
        journal that counts them cannot be written.
    published : datetime
        Now, aware.
    latency_s : float or None
        Since the arrival of the epoch's last sample; None when that is not known any
        more, negative when it was stamped by another clock than this machine's, as in
        a replay.
    """

    seq: int | None
    published: datetime
    latency_s: float | None = None


def epoch_document(reading: Reading, scored: ScoredEpoch) -> dict[str, Any]:
    """Return the fields of an epoch that do not depend on when it is published.

    Parameters
    ----------
    reading : Reading
        Says which headband, session and model.
    scored : ScoredEpoch
        Its value; one `Quality` per channel of `reading`.
    """
    return {
        "v": 1,
        "device": reading.device,
        "session": reading.session,
        "epoch": scored.index,
        "start": utc_text(scored.start_utc),
        "duration_s": EPOCH_S,
        "clock_synchronised": scored.clock_synchronised,
        **_verdict(scored),
        "asleep": scored.asleep,
        "quality": _quality(reading.channels, scored.quality),
        "model": {"id": reading.model, "digest": reading.model_digest},
    }


class RecalledEpoch(NamedTuple):
    """Epoch read back from its document."""

    epoch: int
    start_utc: datetime
    stage: Stage | Refusal
    asleep: bool | None


def recall_epoch(document: Mapping[str, Any]) -> RecalledEpoch:
    """Return the epoch of a document that `epoch_document` made."""
    scored, reason = document["scored"], document["reason"]
    stage = STAGE[document["stage"]] if scored else Refusal(reason)
    start_utc = datetime.fromisoformat(document["start"])
    return RecalledEpoch(document["epoch"], start_utc, stage, document["asleep"])


def epoch_payload(document: Mapping[str, Any], posting: Posting) -> bytes:
    """Return one epoch as ``epoch.v1``, UTF-8 JSON.

    Parameters
    ----------
    document : mapping
        From `epoch_document`.
    posting : Posting
    """
    epoch = dict(document)
    end = datetime.fromisoformat(epoch["start"]) + timedelta(seconds=EPOCH_S)
    epoch["seq"] = posting.seq
    epoch["late"] = posting.published - end > LATE
    epoch["published"] = utc_text(posting.published)
    if posting.latency_s is not None and posting.latency_s >= 0:
        close_to_publish = round(posting.latency_s * 1000, 1)
        epoch["latency_ms"] = {"close_to_publish": close_to_publish}
    return json_bytes(epoch)


def _verdict(scored: ScoredEpoch) -> dict[str, Any]:
    if isinstance(scored.stage, Refusal):
        return {
            "stage": None,
            "stage_int": REFUSAL_CODE[scored.stage],
            "scored": False,
            "reason": scored.stage.value,
            "raw_stage": None,
            "confidence": None,
            "proba": None,
            "raw_proba": None,
        }
    label = LABEL[scored.stage]
    alone = scored.raw_stage
    return {
        "stage": label,
        "stage_int": YASA_CODE[scored.stage],
        "scored": True,
        "reason": None,
        "raw_stage": LABEL[alone] if alone else None,
        "confidence": scored.confidence,
        "proba": _by_label(scored.hypnodensity),
        "raw_proba": _by_label(scored.raw_hypnodensity) if alone else None,
    }


def _by_label(hypnodensity: tuple[float, ...]) -> dict[str, float]:
    """Name each probability, to the last bit: who restarts goes on from these."""
    labels = (LABEL[stage] for stage in STAGES)
    return dict(zip(labels, hypnodensity, strict=True))


def _quality(labels: tuple[str, ...], quality: tuple[Quality, ...]) -> dict[str, Any]:
    """Judge the epoch by the mean of the derivations that the headband has."""
    scores = [q.score for q in quality if Flaw.ABSENT not in q.flaws]
    flaws = {flaw.value for q in quality for flaw in q.flaws}
    channels = list(zip(labels, quality, strict=True))
    return {
        "overall": round(sum(scores) / len(scores), 3) if scores else 0.0,
        "channels": {label: round(q.score, 3) for label, q in channels},
        "derivations": {x: q.derivation for x, q in channels if q.derivation},
        "missing_s": round(max((q.missing_s for q in quality), default=0.0), 3),
        "flags": sorted(flaws),
    }
