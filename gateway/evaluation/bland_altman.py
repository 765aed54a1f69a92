"""Bland-Altman agreement of a sleep statistic over many nights: bias and limits.

After Menghini et al. 2021, SLEEP 44:zsaa170 (https://doi.org/10.1093/sleep/zsaa170),
with the parametric intervals of Bland & Altman 1999, Stat. Methods Med. Res. 8:135.
The tests ask for significance and for an effect that matters, with the thresholds of
YASA 0.8.1's ``SleepStatsAgreement``, which the project's own are compared with.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from math import sqrt
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gateway.errors import MissingExtraError

ALPHA = 0.05
SPREAD = 1.96  # standard deviations that hold 95 % of the differences
FEWEST = 3  # nights: a line through two has no residuals
MATERIAL_R2, MATERIAL_RATIO = 0.1, 1.5
MATERIAL_SKEW, MATERIAL_KURTOSIS = 1.0, 2.0
NO_LESS = 1e-9  # of a minute: smaller spreads are none
# mean absolute residual to half-width: 1.96 * sqrt(pi / 2), Bland & Altman 1999
FROM_RESIDUALS = 2.46

Array = NDArray[np.float64]


class Interval(NamedTuple):
    """A figure and its 95 % confidence interval."""

    value: float
    lower: float
    upper: float


class RegressionLine(NamedTuple):
    """Least-squares line over the reference, with the p value of its slope."""

    slope: float
    intercept: float
    p_value: float
    r2: float

    def at(self, reference: float) -> float:
        """Return the line's value."""
        return self.intercept + self.slope * reference


@dataclass(frozen=True, slots=True, eq=False)
class NightsAgreement:
    """Differences, ours minus reference, of one number over several nights.

    Attributes
    ----------
    reference, difference : ndarray of float64, shape (n_nights,)
        Nights where either has no such number are left out.
    sd : float
        Standard deviation of the differences.
    bias : Interval
        Mean difference.
    lower_limit, upper_limit : Interval
        95 % limits of agreement, bias -+ 1.96 SD.
    bias_line : RegressionLine
        Difference over reference.
    residual_line : RegressionLine
        Absolute residual of `bias_line` over reference.
    proportional_bias : bool
        The bias changes with the reference: use `bias_line`, not `bias`.
    heteroscedastic : bool
        The spread changes with the reference: limits follow `residual_line`.
    normal : bool
        Normality of the differences, which the intervals assume, is not rejected.
    """

    reference: Array
    difference: Array
    sd: float
    bias: Interval
    lower_limit: Interval
    upper_limit: Interval
    bias_line: RegressionLine
    residual_line: RegressionLine
    proportional_bias: bool
    heteroscedastic: bool
    normal: bool

    @property
    def n_nights(self) -> int:
        """Nights compared."""
        return len(self.difference)

    def limits_at(self, reference: float) -> tuple[float, float, float]:
        """Return lower limit, bias and upper limit at a value of the reference.

        They follow the lines where `proportional_bias` or `heteroscedastic` is true.
        """
        bias = self.bias.value
        half = SPREAD * self.sd
        if self.proportional_bias:
            bias = self.bias_line.at(reference)
            half = SPREAD * _sd(self._residuals())
        if self.heteroscedastic:
            half = FROM_RESIDUALS * max(0.0, self.residual_line.at(reference))
        return bias - half, bias, bias + half

    def _residuals(self) -> Array:
        line = self.bias_line
        return self.difference - (line.intercept + line.slope * self.reference)


def agree_over_nights(
    ours: Sequence[float | None], reference: Sequence[float | None]
) -> NightsAgreement | None:
    """Compare one number of several nights, each of another sleeper.

    Parameters
    ----------
    ours, reference : sequence of (float or None)
        One per night; None where the night has no such number.

    Returns
    -------
    NightsAgreement or None
        None with fewer than three nights: a line through two has no residuals.

    Raises
    ------
    MissingExtraError
        If scipy is not installed.
    """
    pairs = [
        (mine, its)
        for mine, its in zip(ours, reference, strict=True)
        if mine is not None and its is not None
    ]
    if len(pairs) < FEWEST:
        return None
    theirs = np.array([its for _, its in pairs], dtype=np.float64)
    difference = np.array([mine for mine, _ in pairs], dtype=np.float64) - theirs
    return _agree(_scipy_stats(), theirs, difference)


def _agree(stats: Any, reference: Array, difference: Array) -> NightsAgreement:  # noqa: ANN401 (an optional module)
    n = len(difference)
    bias, sd = float(difference.mean()), _sd(difference)
    t = float(stats.t.ppf(1 - ALPHA / 2, n - 1))
    of_bias, of_limit = t * sd / sqrt(n), t * sd * sqrt(3 / n)
    low, high = bias - SPREAD * sd, bias + SPREAD * sd
    line = _line(stats, reference, difference)
    residuals = np.abs(difference - line.intercept - line.slope * reference)
    spread = _line(stats, reference, residuals)
    return NightsAgreement(
        reference=reference,
        difference=difference,
        sd=sd,
        bias=Interval(bias, bias - of_bias, bias + of_bias),
        lower_limit=Interval(low, low - of_limit, low + of_limit),
        upper_limit=Interval(high, high - of_limit, high + of_limit),
        bias_line=line,
        residual_line=spread,
        proportional_bias=line.p_value < ALPHA and line.r2 > MATERIAL_R2,
        heteroscedastic=spread.p_value < ALPHA
        and _ratio(spread, reference) > MATERIAL_RATIO,
        normal=_normal(stats, difference),
    )


def _scipy_stats() -> Any:  # noqa: ANN401 (an optional module)
    try:
        return import_module("scipy.stats")
    except ImportError as error:
        raise MissingExtraError("analysis", "comparing several nights") from error


def _sd(values: Array) -> float:
    return float(values.std(ddof=1))


def _line(stats: Any, x: Array, y: Array) -> RegressionLine:  # noqa: ANN401 (an optional module)
    if min(np.ptp(x), np.ptp(y)) <= NO_LESS:  # there is no slope to find
        return RegressionLine(0.0, float(y.mean()), 1.0, 0.0)
    fit = stats.linregress(x, y)
    p_value = float(fit.pvalue) if np.isfinite(fit.pvalue) else 1.0
    r = float(fit.rvalue) if np.isfinite(fit.rvalue) else 0.0
    return RegressionLine(float(fit.slope), float(fit.intercept), p_value, r**2)


def _ratio(residuals: RegressionLine, reference: Array) -> float:
    """Return by which factor the spread changes over the reference's range."""
    ends = (float(reference.min()), float(reference.max()))
    low, high = (max(residuals.at(end), NO_LESS) for end in ends)
    return max(low / high, high / low)


def _normal(stats: Any, difference: Array) -> bool:  # noqa: ANN401 (an optional module)
    if np.ptp(difference) <= NO_LESS:
        return True
    if float(stats.shapiro(difference).pvalue) >= ALPHA:
        return True
    skew = float(stats.skew(difference, bias=False))
    enough = len(difference) > FEWEST  # kurtosis needs four
    kurtosis = float(stats.kurtosis(difference, bias=False)) if enough else 0.0
    return abs(skew) <= MATERIAL_SKEW and kurtosis <= MATERIAL_KURTOSIS
