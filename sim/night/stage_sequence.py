"""A made-up hypnogram with the statistics of real ones. Pure, seeded.

All numbers are estimates from the expert hypnograms of 58 healthy nights in the
cassette study of Sleep-EDF Expanded 1.0.0 (PhysioNet, ODC-By; Kemp et al. 2000),
R&K stages 3 and 4 merged, sleep onset to final awakening. REM periods are runs of
REM less than 15 minutes apart that last two minutes or more in all; what lies
between them is non-REM (Feinberg and Floyd 1979).
"""

import numpy as np
from numpy.typing import NDArray

from gateway.staging.stage import STAGES, Stage

EPOCHS_PER_MIN = 2
EARLY_MIN = 210  # N3 is common before, rare after
ONSET_MIN = (10.0, 0.3)  # median and log sd; lights off to sleep, our choice
FIRST_REM_MIN = 60.0

# of 20,326 + 19,759 + 12,175 transitions; rows and columns W N1 N2 N3 R
NREM_EARLY = np.array(
    [
        [0.801, 0.175, 0.021, 0.003, 0.0],
        [0.057, 0.755, 0.187, 0.001, 0.0],
        [0.011, 0.017, 0.910, 0.062, 0.0],
        [0.007, 0.004, 0.128, 0.861, 0.0],
        [0.250, 0.350, 0.400, 0.0, 0.0],  # how REM periods end, rounded
    ]
)
NREM_LATE = np.array(
    [
        [0.766, 0.219, 0.015, 0.0, 0.0],
        [0.088, 0.670, 0.242, 0.0, 0.0],
        [0.013, 0.021, 0.939, 0.027, 0.0],
        [0.013, 0.004, 0.206, 0.777, 0.0],
        [0.250, 0.350, 0.400, 0.0, 0.0],
    ]
)
REM = np.array(
    [
        [0.315, 0.387, 0.032, 0.0, 0.266],
        [0.013, 0.597, 0.119, 0.0, 0.271],
        [0.006, 0.035, 0.777, 0.0, 0.182],
        [0.0, 0.0, 0.5, 0.0, 0.5],  # hardly ever seen
        [0.007, 0.016, 0.006, 0.0, 0.971],
    ]
)
# medians of the first to fifth period; the spread of their logarithms
NREM_MIN = (81.0, 86.0, 72.0, 66.0, 56.0)
NREM_LOG_SD = 0.30
REM_MIN = (15.0, 28.0, 28.0, 30.0, 29.0)
REM_LOG_SD = 0.60


def stage_sequence(dice: np.random.Generator, n_epochs: int) -> tuple[Stage, ...]:
    """Draw a night's stages, one per 30 s: wake, then cycles of non-REM and REM."""
    codes = [0] * _epochs(dice, *ONSET_MIN)
    cycle = 0
    while len(codes) < n_epochs:
        nth = min(cycle, len(NREM_MIN) - 1)
        n_nrem = _epochs(dice, NREM_MIN[nth], NREM_LOG_SD)
        if not cycle:
            n_nrem = max(n_nrem, round(FIRST_REM_MIN * EPOCHS_PER_MIN))
            codes.append(1)
        for _ in range(n_nrem):
            early = len(codes) < EARLY_MIN * EPOCHS_PER_MIN
            codes.append(_next(dice, codes[-1], NREM_EARLY if early else NREM_LATE))
        codes.append(4)
        for _ in range(_epochs(dice, REM_MIN[nth], REM_LOG_SD)):
            codes.append(_next(dice, codes[-1], REM))
        cycle += 1
    return tuple(STAGES[code] for code in codes[:n_epochs])


def _epochs(dice: np.random.Generator, median_min: float, log_sd: float) -> int:
    spread = np.clip(dice.normal(0, log_sd), -1.5 * log_sd, 1.5 * log_sd)
    return round(median_min * float(np.exp(spread)) * EPOCHS_PER_MIN)


def _next(dice: np.random.Generator, code: int, matrix: NDArray[np.float64]) -> int:
    return int(dice.choice(len(matrix), p=matrix[code]))
