"""The night read a second time, when all of it is known. Pure.

Live, the model knows an epoch and those before it; a technician also sees what came
after. This pass adds that knowledge and nothing else: a hidden Markov model whose
states are the stages, whose steps are as likely as in real nights, and whose evidence
is what the model says of each epoch alone. What came before is what a model with
context made of it live; of one without, what the hidden Markov model makes of it. It
needs the whole night, so it never replaces what was published live: both are kept.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gateway.staging.stage import STAGES, Refusal, Stage

# Steps between neighbouring epochs W N1 N2 N3 R, rows from and columns to, in the
# experts' hypnograms of 70 nights (38 subjects) of Sleep-EDF Expanded 1.0.0, from half
# an hour before the first sleep to half an hour after the last; Kemp et al. 2000,
# IEEE Trans. Biomed. Eng. 47:1185, https://doi.org/10.13026/C2X676.
STEPS = (
    (15557, 988, 83, 4, 41),
    (453, 4182, 1320, 2, 232),
    (407, 653, 29272, 1349, 417),
    (70, 37, 1229, 7259, 9),
    (181, 312, 195, 1, 12550),
)
# A hypnodensity is no independent witness: neighbouring epochs err alike. Its weight
# is the best on surrogate nights of the validation subjects; see docs/offline.md.
WEIGHT = 0.8
LEAST = 1e-6  # probability: no single epoch forbids a stage

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class HmmSmoothing:
    """Result of the second pass over a night.

    Attributes
    ----------
    stages : tuple of Stage or Refusal
        An epoch that was refused stays so, for its reason.
    hypnodensity : tuple of tuple of float
        W N1 N2 N3 R given the whole night, per epoch; empty when refused.
    n_changed : int
        Epochs whose stage is another than it was live.
    """

    stages: tuple[Stage | Refusal, ...]
    hypnodensity: tuple[tuple[float, ...], ...]
    n_changed: int


def second_pass(
    stages: Sequence[Stage | Refusal],
    hypnodensity: Sequence[Sequence[float]],
    raw_hypnodensity: Sequence[Sequence[float]] = (),
) -> HmmSmoothing:
    """Smooth a night by the forward-backward algorithm (Rabiner 1989, Proc. IEEE 77).

    Where a context head saw the epochs before, its hypnodensity stands for the forward
    pass, so that no epoch counts twice.

    Parameters
    ----------
    stages : sequence of Stage or Refusal
        As they were live, one per epoch.
    hypnodensity : sequence of sequence of float
        As they were live; empty where `stages` has a refusal, over which time passes
        without evidence.
    raw_hypnodensity : sequence of sequence of float
        Of each epoch alone, empty where `hypnodensity` is that already; none at all
        for a model without a context head.
    """
    steps = np.array(STEPS, dtype=np.float64)
    share = steps.sum(axis=0) / steps.sum()
    steps /= steps.sum(axis=1, keepdims=True)
    alone = raw_hypnodensity or [()] * len(stages)
    seen = np.ones((len(stages), len(STAGES)))
    in_context: dict[int, Array] = {}
    for epoch, (live, raw) in enumerate(zip(hypnodensity, alone, strict=True)):
        if len(live):
            seen[epoch] = np.maximum(raw if len(raw) else live, LEAST) ** WEIGHT
            if len(raw):
                in_context[epoch] = np.maximum(live, LEAST)
    smoothed = _forward(seen, steps, share, in_context) * _backward(seen, steps)
    smoothed /= smoothed.sum(axis=1, keepdims=True)
    final = tuple(
        live if isinstance(live, Refusal) else STAGES[int(row.argmax())]
        for live, row in zip(stages, smoothed, strict=True)
    )
    return HmmSmoothing(
        stages=final,
        hypnodensity=tuple(
            () if isinstance(live, Refusal) else tuple(row.tolist())
            for live, row in zip(stages, smoothed, strict=True)
        ),
        n_changed=sum(a is not b for a, b in zip(stages, final, strict=True)),
    )


def _forward(
    seen: Array, steps: Array, share: Array, in_context: Mapping[int, Array]
) -> Array:
    """Return what each epoch and those before it say, shape (n_epochs, 5)."""
    alpha = np.empty_like(seen)
    belief = share
    for epoch, now in enumerate(seen):
        belief = (belief if epoch == 0 else belief @ steps) * now
        belief = in_context.get(epoch, belief)
        belief = belief / belief.sum()
        alpha[epoch] = belief
    return alpha


def _backward(seen: Array, steps: Array) -> Array:
    beta = np.empty_like(seen)
    belief = np.ones(seen.shape[1])
    for epoch in range(len(seen) - 1, -1, -1):
        beta[epoch] = belief
        belief = steps @ (belief * seen[epoch])
        belief = belief / belief.sum()
    return beta
