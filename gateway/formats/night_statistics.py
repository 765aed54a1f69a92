"""The night's numbers under the names that researchers know. Pure."""

from gateway.formats.json_fields import LABEL, REFUSAL_CODE
from gateway.staging.sleep_statistics import EPOCHS_PER_MIN, NightSummary
from gateway.staging.stage import YASA_ARTEFACT, YASA_UNSCORED, Refusal, Stage

Numbers = dict[str, float | None]
YASA = {stage: "WAKE" if stage is Stage.W else LABEL[stage] for stage in Stage}


def yasa_statistics(night: NightSummary) -> Numbers:
    """Return what YASA 0.8.1's ``Hypnogram.sleep_statistics`` says, by its names.

    Minutes; SE, SME and shares of sleep in per cent; SFI per hour. None for its nan.
    ART and UNS stand there only where such epochs are, as in YASA.
    """
    numbers: Numbers = {
        "TIB": night.tib_min,
        "SPT": night.spt_min,
        "WASO": night.waso_min,
        "TST": night.tst_min,
        "SE": night.se_pct,
        "SME": night.sme_pct,
        "SFI": night.sfi_per_h,
        "SOL": night.sol_min,
        "SOL_5min": night.sol_5min_min,
        "Lat_REM": night.lat_rem_min,
    }
    numbers |= {YASA[stage]: minutes for stage, minutes in night.stages_min.items()}
    for name, code in (("ART", YASA_ARTEFACT), ("UNS", YASA_UNSCORED)):
        n_epochs = sum(
            isinstance(stage, Refusal) and REFUSAL_CODE[stage] == code
            for stage in night.hypnogram[night.in_bed]
        )
        if n_epochs:
            numbers[name] = n_epochs / EPOCHS_PER_MIN
    return numbers | {f"%{YASA[s]}": pct for s, pct in night.stages_pct_tst.items()}


def aasm_statistics(night: NightSummary) -> Numbers:
    """Return the variants that clinical reports use, which YASA does not give.

    Latencies count from sleep onset, the first epoch of any sleep; the stage-shift
    index is every change between neighbouring scored epochs per hour of sleep.
    """
    return {
        "REM_latency_from_onset_min": night.rem_latency_min,
        "N3_latency_from_onset_min": night.n3_latency_min,
        "awakenings": night.awakenings,
        "awakenings_per_h": night.sfi_per_h,
        "stage_shift_index_per_h": night.transitions_per_h,
    }
