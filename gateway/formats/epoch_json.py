"""Outputs as JSON, to the schemas in ``formats/schemas``. Pure.

REM is written out here: the project's `Stage.R` is ``"REM"`` on MQTT.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from gateway.formats.second_pass_fields import second_pass_fields
from gateway.messages.outputs import Reading
from gateway.preprocessing.filtering import EPOCH_S
from gateway.preprocessing.signal_quality import Flaw, Quality
from gateway.staging.lights import is_sleep
from gateway.staging.scored_epoch import ScoredEpoch
from gateway.staging.sleep_statistics import NightSummary
from gateway.staging.stage import (
    STAGES,
    YASA_ARTEFACT,
    YASA_CODE,
    YASA_UNSCORED,
    Refusal,
    Stage,
)

ONLINE, OFFLINE = b"online", b"offline"
LATE = timedelta(seconds=60)
LABEL = {stage: "REM" if stage is Stage.R else stage.value for stage in STAGES}
AS_THEY_ARE = (
    *("tib_min", "spt_min", "tst_min", "sol_min", "sol_5min_min", "waso_min"),
    *("se_pct", "sme_pct", "sfi_per_h", "awakenings", "transitions_per_h"),
    "unscored_min",
)
STAGE = {label: stage for stage, label in LABEL.items()}
REFUSAL_CODE = {
    Refusal.WARM_UP: YASA_UNSCORED,
    Refusal.GAP: YASA_UNSCORED,
    Refusal.LOW_QUALITY: YASA_ARTEFACT,
    Refusal.OFF_HEAD: YASA_ARTEFACT,
    Refusal.MODEL_ERROR: YASA_UNSCORED,
}


class Posting(NamedTuple):
    """When and as which message an epoch goes out.

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


def epoch_document(reading: Reading, scored: ScoredEpoch) -> bytes:
    """Write what stays true of one epoch whenever it is published, UTF-8 JSON.

    Parameters
    ----------
    reading : Reading
        Says which headband, session and model.
    scored : ScoredEpoch
        Its value; one `Quality` per channel of `reading`.
    """
    return json_bytes(
        {
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
    )


class Recalled(NamedTuple):
    """An epoch as its document tells it."""

    epoch: int
    start_utc: datetime
    stage: Stage | Refusal
    asleep: bool | None


def read_document(document: bytes) -> Recalled:
    """Read what `epoch_document` wrote."""
    epoch = json.loads(document)
    stage = STAGE[epoch["stage"]] if epoch["scored"] else Refusal(epoch["reason"])
    start_utc = datetime.fromisoformat(epoch["start"])
    return Recalled(epoch["epoch"], start_utc, stage, epoch["asleep"])


def epoch_payload(document: bytes, posting: Posting) -> bytes:
    """Write one epoch as ``epoch.v1``, UTF-8 JSON.

    Parameters
    ----------
    document : bytes
        From `epoch_document`.
    posting : Posting
    """
    epoch = json.loads(document)
    end = datetime.fromisoformat(epoch["start"]) + timedelta(seconds=EPOCH_S)
    epoch["seq"] = posting.seq
    epoch["late"] = posting.published - end > LATE
    epoch["published"] = utc_text(posting.published)
    if posting.latency_s is not None and posting.latency_s >= 0:
        close_to_publish = round(posting.latency_s * 1000, 1)
        epoch["latency_ms"] = {"close_to_publish": close_to_publish}
    return json_bytes(epoch)


def summary_payload(
    reading: Reading,
    night: NightSummary,
    *,
    final: bool,
    start: datetime | None = None,
) -> bytes:
    """Write the night's statistics as ``summary.v1``, UTF-8 JSON.

    Latencies to N3 and REM count from sleep onset, as the AASM does; `NightSummary`
    has YASA's REM latency from the start of the recording as well.

    Parameters
    ----------
    reading : Reading
    night : NightSummary
    final : bool
        False while the night goes on.
    start : datetime or None
        Of the session's first epoch; None where nobody knows.
    """
    onset, wake = _sleep(night, final=final)
    percent = {LABEL[stage]: p for stage, p in night.stages_pct_tst.items()}
    return json_bytes(
        {
            "v": 1,
            "device": reading.device,
            "session": reading.session,
            "final": final,
            **{name: getattr(night, name) for name in AS_THEY_ARE},
            "lat_n3_min": night.n3_latency_min,
            "lat_rem_min": night.rem_latency_min,
            "stages_min": {LABEL[s]: m for s, m in night.stages_min.items()},
            "stages_pct_tst": percent,
            "sleep_onset": _epoch_utc(start, onset),
            "final_wake": _epoch_utc(start, wake),
            "epochs": night.n_epochs,
            **second_pass_fields(night, AS_THEY_ARE, LABEL),
        }
    )


def utc_text(moment: datetime) -> str:
    """Return ``2026-02-13T02:27:00.000Z`` for an aware `moment`."""
    text = moment.astimezone(UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def _sleep(night: NightSummary, *, final: bool) -> tuple[int | None, int | None]:
    """Return the first epoch asleep, and the first of the last time awake.

    The latter is known at the end alone, and only if W was scored after the sleep.
    """
    in_bed = night.in_bed
    asleep = [
        epoch
        for epoch in range(in_bed.start, in_bed.stop)
        if is_sleep(night.hypnogram[epoch])
    ]
    if not asleep:
        return None, None
    wake = asleep[-1] + 1
    woke = final and Stage.W in night.hypnogram[wake:]
    return asleep[0], wake if woke else None


def _epoch_utc(start: datetime | None, epoch: int | None) -> str | None:
    if start is None or epoch is None:
        return None
    return utc_text(start + timedelta(seconds=EPOCH_S * epoch))


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


def json_bytes(document: Mapping[str, Any]) -> bytes:
    """Write `document` as UTF-8 JSON without blanks; NaN is refused."""
    return json.dumps(document, separators=(",", ":"), allow_nan=False).encode()
