"""Fields that several of our JSON documents share: stage names, codes, times. Pure.

REM is written out here: the project's `Stage.R` is ``"REM"`` in every document.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from gateway.staging.stage import (
    STAGES,
    YASA_ARTEFACT,
    YASA_UNSCORED,
    Refusal,
    Stage,
)

LABEL = {stage: "REM" if stage is Stage.R else stage.value for stage in STAGES}
# what Sleep as Android understands, whose automations many sleepers have already
PHASE = {
    Stage.W: "awake",
    Stage.N1: "light_sleep",
    Stage.N2: "light_sleep",
    Stage.N3: "deep_sleep",
    Stage.R: "rem",
}
NOT_AWAKE = "not_awake"
STAGE = {label: stage for stage, label in LABEL.items()}
REFUSAL_CODE = {
    Refusal.WARM_UP: YASA_UNSCORED,
    Refusal.GAP: YASA_UNSCORED,
    Refusal.LOW_QUALITY: YASA_ARTEFACT,
    Refusal.OFF_HEAD: YASA_ARTEFACT,
    Refusal.MODEL_ERROR: YASA_UNSCORED,
}


def utc_text(moment: datetime) -> str:
    """Return ``2026-02-13T02:27:00.000Z`` for an aware `moment`."""
    text = moment.astimezone(UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def json_bytes(document: Mapping[str, Any]) -> bytes:
    """Write `document` as UTF-8 JSON without blanks; NaN is refused."""
    return json.dumps(document, separators=(",", ":"), allow_nan=False).encode()
