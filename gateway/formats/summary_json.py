"""Statistics of a night as ``schemas/summary.v1.json``. Pure."""

from datetime import datetime, timedelta
from typing import Any

from gateway.epoch_length import EPOCH_S
from gateway.formats.json_fields import LABEL, json_bytes, utc_text
from gateway.messages.outputs import Reading
from gateway.staging.lights import is_sleep
from gateway.staging.sleep_statistics import NightSummary
from gateway.staging.stage import Stage

AS_THEY_ARE = (
    *("tib_min", "spt_min", "tst_min", "sol_min", "sol_5min_min", "waso_min"),
    *("se_pct", "sme_pct", "sfi_per_h", "awakenings", "transitions_per_h"),
    "unscored_min",
)


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
            **_second_pass(night),
        }
    )


def _second_pass(night: NightSummary) -> dict[str, Any]:
    """Return what the second pass changed; nothing while the night goes on."""
    if night.second is None:
        return {}
    after = night.second.summary
    return {
        "second_pass": {
            **{name: getattr(after, name) for name in AS_THEY_ARE},
            "lat_n3_min": after.n3_latency_min,
            "lat_rem_min": after.rem_latency_min,
            "stages_min": {LABEL[s]: m for s, m in after.stages_min.items()},
            "changed_epochs": night.second.n_changed,
        }
    }


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
