"""Sleep statistics that are compared between two scorings of a night."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from gateway.evaluation.agreement import Agreement, agreement, scored_by_both
from gateway.evaluation.bland_altman import NightsAgreement, agree_over_nights
from gateway.staging.sleep_statistics import NightSummary, summarise
from gateway.staging.stage import Refusal, Stage

# short name -> the number; minutes, SE in per cent
NUMBERS: Mapping[str, Callable[[NightSummary], float | None]] = MappingProxyType(
    {
        "TST": lambda night: night.tst_min,
        "SE": lambda night: night.se_pct,
        "SOL": lambda night: night.sol_min,
        "WASO": lambda night: night.waso_min,
        "REM_latency": lambda night: night.rem_latency_min,
    }
)
UNITS = MappingProxyType(
    {"TST": "min", "SE": "%", "SOL": "min", "WASO": "min", "REM_latency": "min"}
)

Hypnogram = Sequence[Stage | Refusal | None]


@dataclass(frozen=True, slots=True)
class NightComparison:
    """Comparison of two scorings of one night.

    Attributes
    ----------
    name : str
    epochs : Agreement
    ours, reference : mapping of str to (float or None)
        `NUMBERS` of each, over the epochs that both scored.
    """

    name: str
    epochs: Agreement
    ours: Mapping[str, float | None]
    reference: Mapping[str, float | None]

    def difference(self, number: str) -> float | None:
        """Return ours minus the reference; None where either has no such number."""
        mine, its = self.ours[number], self.reference[number]
        return None if mine is None or its is None else mine - its


def compare_night(
    name: str, ours: Hypnogram, reference: Hypnogram, in_bed: range | None = None
) -> NightComparison:
    """Compare two hypnograms that begin with the same epoch.

    Parameters
    ----------
    name : str
    ours, reference : sequence of (Stage, Refusal or None)
    in_bed : range or None
        Epochs of time in bed, on both sides; None for all from the first to the last
        that both scored, so that unscored hours around a night change no figure.
    """
    both = scored_by_both(ours, reference)
    if in_bed is None:
        scored = [i for i, stage in enumerate(both[0]) if isinstance(stage, Stage)]
        in_bed = range(scored[0], scored[-1] + 1) if scored else range(0)
    mine, its = (summarise(stages, in_bed) for stages in both)
    return NightComparison(
        name=name,
        epochs=agreement(ours, reference),
        ours={number: of(mine) for number, of in NUMBERS.items()},
        reference={number: of(its) for number, of in NUMBERS.items()},
    )


def compare_nights(
    nights: Sequence[NightComparison],
) -> dict[str, NightsAgreement | None]:
    """Return bias and limits of every number; None with too few nights for one.

    Raises
    ------
    MissingExtraError
        If scipy is not installed.
    """
    return {
        number: agree_over_nights(
            [night.ours[number] for night in nights],
            [night.reference[number] for night in nights],
        )
        for number in NUMBERS
    }


def pooled(nights: Sequence[NightComparison]) -> Agreement:
    """Return the agreement over all epochs of all nights."""
    total = nights[0].epochs
    for night in nights[1:]:
        total += night.epochs
    return total
