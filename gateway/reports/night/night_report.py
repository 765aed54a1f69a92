"""Contents of a night's report, before they are drawn. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta, tzinfo
from functools import cached_property
from typing import Any, NamedTuple

from gateway.epoch_length import EPOCH_S
from gateway.evaluation.agreement import Agreement, agreement
from gateway.reports.summary_text import REFUSAL_TEXT
from gateway.reports.time_axis import Tick, round_ticks
from gateway.staging.hmm_smoothing import HmmSmoothing
from gateway.staging.scored_night import PublishedEpoch, ScoredNight
from gateway.staging.sleep_statistics import NightSummary, summarise
from gateway.staging.stage import Refusal, Stage

LEAST_LOSS_S = 1.0  # of lost samples in an epoch
QUIET_FLAWS = {"absent", "gap"}  # the reason names it already


@dataclass(frozen=True, kw_only=True)
class NightReport:
    """Night, its statistics and its context, as reported.

    Attributes
    ----------
    night : ScoredNight
    zone : tzinfo
        Of every time on the page.
    zone_name : str
        As shown, e.g. ``"CET"`` or ``"the recorder's clock"``.
    version : str
        Of Sleepgate.
    about : mapping or None
        The model's card; None where the model is no longer installed.
    expert : sequence of (Stage or None), or None
        Stages by a human scorer, for the same epochs.
    expert_name : str
    """

    night: ScoredNight
    zone: tzinfo
    zone_name: str
    version: str
    about: Mapping[str, Any] | None = None
    expert: Sequence[Stage | None] | None = None
    expert_name: str = ""

    @cached_property
    def final(self) -> HmmSmoothing:
        """The second pass."""
        return self.night.second_pass()

    @cached_property
    def live_summary(self) -> NightSummary:
        """Statistics of the live score."""
        night = self.night
        return summarise(night.stages, night.in_bed, night.hypnodensity)

    @cached_property
    def final_summary(self) -> NightSummary:
        """Statistics of the second pass."""
        final = self.final
        return summarise(final.stages, self.night.in_bed, final.hypnodensity)

    @cached_property
    def passes_agree(self) -> Agreement:
        """Agreement of the second pass with the live score."""
        return agreement(self.night.stages, self.final.stages)

    @property
    def n_refused(self) -> int:
        """Epochs without a stage."""
        return sum(isinstance(stage, Refusal) for stage in self.night.stages)

    def clock(self, epoch: float, pattern: str = "%H:%M") -> str:
        """Return when an epoch begins, on the page's clock."""
        start = self.night.start_utc.astimezone(self.zone)
        return f"{start + timedelta(seconds=epoch * EPOCH_S):{pattern}}"

    def ticks(self) -> Iterator[Tick]:
        """Yield the labels under the night."""
        start = self.night.start_utc.astimezone(self.zone)
        return round_ticks(start, len(self.night.epochs), dated=self.night.dated)


class LossSpan(NamedTuple):
    """Neighbouring epochs, lost or refused for one reason.

    Attributes
    ----------
    first, n_epochs : int
    what : str
    lost_s : float
        Seconds that never arrived.
    refused : bool
        Whether they have no stage.
    """

    first: int
    n_epochs: int
    what: str
    lost_s: float
    refused: bool


def loss_spans(night: ScoredNight) -> list[LossSpan]:
    """Return the spans of lost or refused epochs, in the order of time."""
    found: list[LossSpan] = []
    for epoch in night.epochs:
        what = _what(epoch)
        if what is None:
            continue
        refused = isinstance(epoch.stage, Refusal)
        last = found[-1] if found else None
        if (
            last is not None
            and last.first + last.n_epochs == epoch.index
            and (last.what, last.refused) == (what, refused)
        ):
            found[-1] = last._replace(
                n_epochs=last.n_epochs + 1, lost_s=last.lost_s + epoch.missing_s
            )
        else:
            found.append(LossSpan(epoch.index, 1, what, epoch.missing_s, refused))
    return found


def _what(epoch: PublishedEpoch) -> str | None:
    if isinstance(epoch.stage, Refusal):
        flaws = sorted(set(epoch.flaws) - QUIET_FLAWS)
        why = f" ({', '.join(flaws)})" if flaws else ""
        return REFUSAL_TEXT[epoch.stage] + why
    return REFUSAL_TEXT[Refusal.GAP] if epoch.missing_s >= LEAST_LOSS_S else None
