"""Sleep statistics of a hypnogram: TST, SE, SOL, WASO, latencies. Pure.

Definitions and rounding are those of YASA 0.8.1, ``Hypnogram.sleep_statistics``
(Vallat & Walker 2021, eLife 10:e70092, https://doi.org/10.7554/eLife.70092), with
refused epochs as its unscored ones; tests compare the two number by number. What
YASA does not give is marked so.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from gateway.staging.lights import is_sleep
from gateway.staging.stage import STAGES, Refusal, Stage

EPOCHS_PER_MIN = 2
UNBROKEN_EPOCHS = 5 * EPOCHS_PER_MIN

# A REM period that a latency may count to, docs/decisions/0067: of six epochs from its
# first R at least three are R, of a mean probability of 0.65
REM_WINDOW, REM_EPOCHS, REM_SURE = 6, 3, 0.65
R = STAGES.index(Stage.R)


@dataclass(frozen=True, slots=True)
class NightSummary:
    """Sleep statistics of a hypnogram, in minutes unless the name says otherwise.

    None where a number does not exist, as a latency to sleep that never came. Only
    the epochs in bed count: as YASA's statistics of ``hypnogram[in_bed]``.

    Attributes
    ----------
    hypnogram : tuple of Stage or Refusal
        One per epoch of the session; epochs never seen are `Refusal.GAP`.
    in_bed : slice
        The epochs that count: lights off to lights on, where they were marked.
    tib_min : float
        Time in bed.
    spt_min : float
        Sleep period: first to last sleep epoch, both included.
    tst_min : float
        Total sleep time: N1, N2, N3 and R.
    waso_min : float or None
        W within the sleep period.
    se_pct, sme_pct : float or None
        Sleep efficiency and sleep maintenance efficiency: `tst_min` in per cent of
        `tib_min` and of `spt_min`.
    sfi_per_h : float or None
        Sleep fragmentation: steps from sleep to W between neighbouring epochs, per
        hour of sleep.
    sol_min : float or None
        Start of the time in bed to the first sleep epoch.
    sol_5min_min : float or None
        Start of the time in bed to the first five minutes of unbroken sleep.
    lat_rem_min : float or None
        Start of the time in bed to the first R, YASA's ``Lat_REM``.
    rem_latency_min, n3_latency_min : float or None
        First sleep epoch to the first R and N3, the AASM's latencies; not YASA's. Of
        epochs with a hypnodensity the first R is that of the first REM period that
        lasts and is sure: single epochs near wake are taken for REM too often.
    stages_min : mapping of Stage to float
        All five.
    stages_pct_tst : mapping of Stage to (float or None)
        The four of sleep, in per cent of `tst_min`.
    unscored_min : float
        Refused epochs; part of `tib_min` and of no stage.
    awakenings : int
        Steps from sleep to W between neighbouring epochs; not YASA's.
    transitions_per_h : float or None
        Changes of stage between neighbouring scored epochs, per hour of sleep; not
        YASA's. The stage-shift index of clinical reports.
    second : SmoothedSummary or None
        Statistics after the second pass, once the night is over.
    """

    hypnogram: tuple[Stage | Refusal, ...]
    in_bed: slice
    tib_min: float
    spt_min: float
    tst_min: float
    waso_min: float | None
    se_pct: float | None
    sme_pct: float | None
    sfi_per_h: float | None
    sol_min: float | None
    sol_5min_min: float | None
    lat_rem_min: float | None
    rem_latency_min: float | None
    n3_latency_min: float | None
    stages_min: Mapping[Stage, float]
    stages_pct_tst: Mapping[Stage, float | None]
    unscored_min: float
    awakenings: int
    transitions_per_h: float | None
    second: "SmoothedSummary | None" = None

    @property
    def n_epochs(self) -> int:
        """Epochs of the recording, scored or not."""
        return len(self.hypnogram)


class SmoothedSummary(NamedTuple):
    """Statistics after the second pass, and the number of epochs that it changed."""

    summary: NightSummary
    n_changed: int


def summarise(
    session: Sequence[Stage | Refusal],
    in_bed: range | None = None,
    hypnodensity: Sequence[Sequence[float]] | None = None,
) -> NightSummary:
    """Compute the statistics of a hypnogram, one entry per 30-s epoch.

    Parameters
    ----------
    session : sequence of Stage or Refusal
    in_bed : range or None
        The epochs that count, in steps of one, from `Lights.in_bed`; None for all.
    hypnodensity : sequence of sequence of float, optional
        W N1 N2 N3 R per epoch, empty where there is none; None for stages that were
        scored by hand, whose first R is taken as it is.
    """
    counted = slice(0, len(session))
    if in_bed is not None:
        counted = slice(in_bed.start, in_bed.stop)
    known = None if hypnodensity is None else hypnodensity[counted]
    numbers = _statistics(session[counted], known)
    return replace(numbers, hypnogram=tuple(session), in_bed=counted)


def first_sustained_rem(
    hypnogram: Sequence[Stage | Refusal], hypnodensity: Sequence[Sequence[float]]
) -> int | None:
    """Return the first epoch of the first REM period that lasts and is sure.

    Parameters
    ----------
    hypnogram : sequence of Stage or Refusal
    hypnodensity : sequence of sequence of float
        W N1 N2 N3 R per epoch; empty where it is not known, which then does not count.
    """
    for i, stage in enumerate(hypnogram):
        if stage is not Stage.R:
            continue
        window = range(i, min(i + REM_WINDOW, len(hypnogram)))
        rem = [j for j in window if hypnogram[j] is Stage.R]
        sure = [hypnodensity[j][R] for j in rem if hypnodensity[j]]
        lasts = len(rem) >= REM_EPOCHS
        if lasts and (not sure or sum(sure) / len(sure) >= REM_SURE):
            return i
    return None


def _statistics(
    hypnogram: Sequence[Stage | Refusal],
    hypnodensity: Sequence[Sequence[float]] | None,
) -> NightSummary:
    n_epochs = len(hypnogram)
    asleep = [i for i, stage in enumerate(hypnogram) if is_sleep(stage)]
    onset, end = (asleep[0], asleep[-1] + 1) if asleep else (None, None)
    n_of = {stage: sum(s is stage for s in hypnogram) for stage in STAGES}
    steps = list(pairwise(hypnogram))
    awakenings = sum(is_sleep(a) and b is Stage.W for a, b in steps)
    changes = sum(
        isinstance(a, Stage) and isinstance(b, Stage) and a is not b for a, b in steps
    )
    n_spt = end - onset if end is not None and onset is not None else 0
    n_waso = sum(s is Stage.W for s in hypnogram[onset:end]) if asleep else None
    tst_min = len(asleep) / EPOCHS_PER_MIN
    first_rem, first_n3 = (_first(hypnogram, s) for s in (Stage.R, Stage.N3))
    rem = first_rem
    if hypnodensity is not None:
        rem = first_sustained_rem(hypnogram, hypnodensity)
    return NightSummary(
        hypnogram=tuple(hypnogram),
        in_bed=slice(0, n_epochs),
        tib_min=n_epochs / EPOCHS_PER_MIN,
        spt_min=n_spt / EPOCHS_PER_MIN,
        tst_min=tst_min,
        waso_min=_minutes(n_waso),
        se_pct=_ratio(100 * tst_min, n_epochs / EPOCHS_PER_MIN),
        sme_pct=_ratio(100 * tst_min, n_spt / EPOCHS_PER_MIN),
        sfi_per_h=_ratio(awakenings, tst_min / 60),
        sol_min=_minutes(onset),
        sol_5min_min=_minutes(_unbroken_sleep(hypnogram)),
        lat_rem_min=_minutes(first_rem),
        rem_latency_min=_minutes(rem, onset),
        n3_latency_min=_minutes(first_n3, onset),
        stages_min=MappingProxyType({s: n / EPOCHS_PER_MIN for s, n in n_of.items()}),
        stages_pct_tst=MappingProxyType(
            {s: _ratio(50 * n, tst_min) for s, n in n_of.items() if s is not Stage.W}
        ),
        unscored_min=(n_epochs - sum(n_of.values())) / EPOCHS_PER_MIN,
        awakenings=awakenings,
        transitions_per_h=_ratio(changes, tst_min / 60),
    )


def _first(hypnogram: Sequence[Stage | Refusal], wanted: Stage) -> int | None:
    return next((i for i, stage in enumerate(hypnogram) if stage is wanted), None)


def _unbroken_sleep(hypnogram: Sequence[Stage | Refusal]) -> int | None:
    start = 0
    for asleep, run in groupby(hypnogram, key=is_sleep):
        length = len(list(run))
        if asleep and length >= UNBROKEN_EPOCHS:
            return start
        start += length
    return None


def _minutes(epoch: int | None, since: int | None = 0) -> float | None:
    if epoch is None or since is None:
        return None
    return (epoch - since) / EPOCHS_PER_MIN


def _ratio(part: float, whole: float) -> float | None:
    """Divide and round to four decimals the way YASA does, by `numpy.round`."""
    return float(np.round(part / whole, 4)) if whole else None
