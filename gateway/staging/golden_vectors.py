"""Golden vectors: what a model answered when it was made, to be compared with. Pure.

Integer arithmetic is exact, but the order of roundings is each kernel's own. The
reference kernels answer alike everywhere, and so does XNNPACK in LiteRT (compared
on x86-64 and on emulated Cortex-A53, A72 and A76); the optimised kernels of
tflite-runtime round in their own way on every processor.
"""

import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gateway.staging.stage import STAGES

CODES_APART = 8  # of 256, where kernels round in their own way; the stage must agree


@dataclass(frozen=True, slots=True, eq=False)
class GoldenVectors:
    """Golden vectors: what the kernels answered when the model was made.

    Attributes
    ----------
    inputs : ndarray of int8, shape (n_epochs, n_channels, n_samples)
    logits : ndarray of int8, shape (n_epochs, 5)
        Of the reference kernels.
    xnnpack : ndarray of int8, shape (n_epochs, 5), or None
        Of XNNPACK, which LiteRT runs; None where nobody noted them.
    """

    inputs: NDArray[np.int8]
    logits: NDArray[np.int8]
    xnnpack: NDArray[np.int8] | None = None

    def arrays(self) -> dict[str, NDArray[np.int8]]:
        """Return what there is, by name."""
        there = {name: getattr(self, name) for name in GoldenVectors.__slots__}
        return {name: codes for name, codes in there.items() if codes is not None}


@dataclass(frozen=True, slots=True)
class GoldenResult:
    """Result of one set of kernels on the golden vectors.

    Attributes
    ----------
    n_epochs : int
    apart : int
        Largest difference, in int8 codes.
    other_stages : int
        Epochs whose highest logit is another's.
    tolerance : int
        Largest difference allowed: 0 where the answers must be the same to the bit.
    """

    n_epochs: int
    apart: int
    other_stages: int
    tolerance: int

    @property
    def passed(self) -> bool:
        """Whether the answers are as near as they have to be."""
        return self.apart <= self.tolerance and not self.other_stages


def compare_golden(
    answers: NDArray[np.int8], expected: NDArray[np.int8], tolerance: int
) -> GoldenResult:
    """Compare logits with those noted, both of shape (n_epochs, 5)."""
    apart = np.abs(answers.astype(int) - expected).max(initial=0)
    others = np.count_nonzero(answers.argmax(1) != expected.argmax(1))
    return GoldenResult(len(expected), int(apart), int(others), tolerance)


def encode(golden: GoldenVectors) -> bytes:
    """Return the vectors as an ``.npz``; the inverse of `decode`."""
    vectors = io.BytesIO()
    np.savez(vectors, **golden.arrays())
    return vectors.getvalue()


def decode(content: bytes) -> GoldenVectors:
    """Read what `encode` wrote.

    Raises
    ------
    ValueError, KeyError, zipfile.BadZipFile
        If it is something else, or its arrays do not belong together.
    """
    with np.load(io.BytesIO(content), allow_pickle=False) as vectors:
        golden = GoldenVectors(
            vectors["inputs"],
            vectors["logits"],
            vectors.get("xnnpack"),
        )
    if {codes.dtype for codes in golden.arrays().values()} != {np.dtype(np.int8)}:
        raise ValueError("they are not int8")
    wanted = (len(golden.inputs), len(STAGES))
    shapes = {c.shape for n, c in golden.arrays().items() if n != "inputs"}
    if shapes != {wanted} or not wanted[0]:
        raise ValueError("one answer of five logits is wanted for every epoch")
    return golden
