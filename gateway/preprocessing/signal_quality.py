"""Signal quality: flaws that make a derivation's epoch unfit for scoring."""

from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from gateway.acquisition.montage import Stream

FLAT_UV = 0.2  # below the noise of any electrode on skin
RAILED = 0.05  # fraction of samples at the converter's rails
MISSING = 0.2  # fraction that may be lost before an epoch is not scored
WILD_UV = 1000.0  # robust amplitude no scalp produces


class Flaw(Enum):
    """Flaw of a derivation; the value is its name in messages."""

    ABSENT = "absent"
    GAP = "gap"
    FLAT = "flat"
    RAILED = "railed"
    WILD = "wild"


@dataclass(frozen=True, slots=True)
class Quality:
    """Quality of one derivation in one epoch.

    Attributes
    ----------
    flaws : frozenset of Flaw
        Empty when the derivation may be scored.
    missing_s : float
        Seconds of the thirty that never arrived.
    score : float
        1 is flawless, 0 useless.
    derivation : str or None
        Which was used, as the driver or the configuration writes it; None where
        there is none.
    """

    flaws: frozenset[Flaw]
    missing_s: float
    score: float
    derivation: str | None = None


ABSENT = Quality(frozenset({Flaw.ABSENT}), 0.0, 0.0)


def railed_fraction(
    uv: NDArray[np.float32], stream: Stream, weights: NDArray[np.float32]
) -> float:
    """Return the worst fraction of samples at the rails among the channels used.

    Parameters
    ----------
    uv : ndarray of float32, shape (n_channels, n_samples)
        The stream's samples that arrived.
    stream : Stream
    weights : ndarray of float32, shape (n_channels,)
        Nonzero for channels used.
    """
    if not uv.shape[1]:
        return 0.0
    worst = 0.0
    for channel, row, weight in zip(stream.channels, uv, weights, strict=True):
        if weight:
            low = (channel.digital_min - channel.zero + 0.5) * channel.lsb_uv
            high = (channel.digital_max - channel.zero - 0.5) * channel.lsb_uv
            worst = max(worst, float(np.mean((row < low) | (row > high))))
    return worst


def any_flat(uv: NDArray[np.float32], weights: NDArray[np.float32]) -> bool:
    """Return whether a channel used is quieter than any electrode on skin.

    A difference does not show it: where one electrode is dead, the other remains.

    Parameters
    ----------
    uv : ndarray of float32, shape (n_channels, n_samples)
        The stream's samples that arrived.
    weights : ndarray of float32, shape (n_channels,)
        Nonzero for channels used.
    """
    used = uv[weights != 0]
    if not used.shape[1]:
        return True
    high, low = np.percentile(used, [90, 10], axis=1)
    return bool((high - low < FLAT_UV).any())


def judge(
    filtered_uv: NDArray[np.float32], missing_s: float, railed: float, epoch_s: float
) -> Quality:
    """Judge one derivation.

    Parameters
    ----------
    filtered_uv : ndarray of float32, shape (n_samples,)
        The derivation in the model's band.
    missing_s : float
        Seconds that never arrived.
    railed : float
        Fraction of samples at the rails, from `railed_fraction`.
    epoch_s : float
        Length of the epoch, seconds.
    """
    spread_uv = float(np.subtract(*np.percentile(filtered_uv, [90, 10])))
    flaws = frozenset(
        flaw
        for flaw, found in (
            (Flaw.GAP, missing_s > MISSING * epoch_s),
            (Flaw.FLAT, spread_uv < FLAT_UV and missing_s < epoch_s),
            (Flaw.RAILED, railed > RAILED),
            (Flaw.WILD, spread_uv > WILD_UV),
        )
        if found
    )
    score = 0.0 if flaws else (1 - missing_s / epoch_s) * (1 - railed)
    return Quality(flaws, missing_s, score)
