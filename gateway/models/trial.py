"""Try a model file in a process of its own, which may die of it.

The runtimes do not check the offsets inside a flatbuffer and crash on wrong ones, and
some crash on sound graphs: of one processor, or without a bias.
"""

import pickle
import platform
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from gateway.errors import ModelError
from gateway.staging.context import N_FEATURES
from gateway.staging.golden_vectors import (
    CODES_APART,
    GoldenResult,
    GoldenVectors,
    compare_golden,
)
from gateway.staging.model_card import (
    HEAD_GOLDEN,
    ModelCard,
    has_golden,
    read_golden,
)
from gateway.staging.runtimes import runtime_name
from gateway.staging.scorers.litert import N_SAMPLES, Kernels, LiteRtScorer, load

PATIENCE_S = 45.0  # less than systemd's for a start; the work itself takes a second


@dataclass(frozen=True, slots=True)
class Trial:
    """Result of a model's trial on this machine.

    Attributes
    ----------
    card : ModelCard
    size : int
        Of the file, bytes.
    runtime, machine : str
        E.g. ``"ai-edge-litert 2.3.0"`` and ``"aarch64"``.
    verdicts : mapping of str to GoldenResult
        How each set of kernels answered the golden vectors; none where the file has
        none.
    """

    card: ModelCard
    size: int
    runtime: str
    machine: str
    verdicts: Mapping[str, GoldenResult] = field(default_factory=dict)


class DeadlyModelError(ModelError):
    """A model kills or stalls the runtime here: use another, or another runtime."""


PROGRAM = (
    "import sys; sys.path[:] = sys.argv[1:]; "
    "from gateway.models.trial import answer; answer()"
)


def try_package(
    package: bytes, source: str, kernels: Sequence[Kernels] = tuple(Kernels)
) -> Trial:
    """Load a model, let it score, and compare its answers with the golden vectors.

    Parameters
    ----------
    package : bytes
        See `gateway.staging.model_card`.
    source : str
        File name, for messages.
    kernels : sequence of Kernels
        To be tried.

    Raises
    ------
    DeadlyModelError
        If it kills or stalls the runtime.
    ModelError
        If the file is refused, or its trial fails otherwise; says why.
    OSError
        If no process can be started.
    """
    try:
        child = subprocess.run(  # noqa: S603 (ourselves)
            (sys.executable or "", "-P", "-c", PROGRAM, *sys.path),
            input=pickle.dumps((package, source, tuple(kernels))),
            capture_output=True,
            timeout=PATIENCE_S,
            check=False,
            process_group=0,  # Ctrl-C is for whoever waits for it
        )
    except subprocess.TimeoutExpired:
        raise DeadlyModelError(f"{source}: {_here()} stalls over it") from None
    if child.returncode:
        raise _death(source, child.returncode, child.stderr)
    told: Trial | str = pickle.loads(child.stdout)  # noqa: S301 (from `answer`)
    if isinstance(told, str):
        raise ModelError(told)
    return told


def answer() -> None:
    """Do in a process of its own what `try_package` asks for on stdin."""
    package, source, kernels = pickle.load(sys.stdin.buffer)  # noqa: S301 (our parent)
    try:
        told: Trial | str = _tried(package, source, kernels)
    except ModelError as error:
        told = str(error)
    sys.stdout.buffer.write(pickle.dumps(told))


def _here() -> str:
    return f"{runtime_name()} on {platform.machine()}"


def _death(source: str, code: int, stderr: bytes) -> ModelError:
    if code > 0:
        last = stderr.decode(errors="replace").strip().rpartition("\n")[2]
        return ModelError(f"{source}: cannot be tried: exit code {code}: {last}")
    name = signal.Signals(-code).name
    if -code == signal.SIGKILL:
        return ModelError(
            f"{source}: its trial was killed ({name}), as it is where memory runs out"
            "\nnext: see `free -h`, end what is not needed, and try again"
        )
    return DeadlyModelError(f"{source}: {_here()} dies of it ({name})")


def _tried(package: bytes, source: str, kernels: Sequence[Kernels]) -> Trial:
    scorers = {each: load(package, source, each) for each in kernels}
    card, runtime = next((s.card, s.runtime) for s in scorers.values())
    silence = np.zeros((len(card.channels), N_SAMPLES), np.int8)
    for scorer in scorers.values():
        scorer.logits(silence)
        if card.context is not None:
            scorer.head_logits(np.zeros((card.context.n_epochs, N_FEATURES), np.int8))
    verdicts: dict[str, GoldenResult] = {}
    if has_golden(package):
        golden = read_golden(package, source)
        if golden.inputs.shape[1:] != silence.shape:
            raise ModelError(f"{source}: golden vectors of another input shape")
        for which, scorer in scorers.items():
            answers = np.array([scorer.logits(codes) for codes in golden.inputs])
            verdicts |= _verdict(which, scorer, golden, answers)
    if has_golden(package, HEAD_GOLDEN):
        golden = read_golden(package, source, HEAD_GOLDEN)
        for which, scorer in scorers.items():
            answers = np.array([scorer.head_logits(of) for of in golden.inputs])
            told = _verdict(which, scorer, golden, answers)
            verdicts |= {f"context head, {name}": of for name, of in told.items()}
    return Trial(card, len(package), runtime, platform.machine(), verdicts)


def _verdict(
    kernels: Kernels,
    scorer: LiteRtScorer,
    golden: GoldenVectors,
    answers: NDArray[np.int8],
) -> dict[str, GoldenResult]:
    if kernels is Kernels.REFERENCE:
        return {"reference kernels": compare_golden(answers, golden.logits, 0)}
    if scorer.delegated and golden.xnnpack is not None:
        return {"XNNPACK": compare_golden(answers, golden.xnnpack, 0)}
    name = "XNNPACK" if scorer.delegated else "optimised kernels"
    return {name: compare_golden(answers, golden.logits, CODES_APART)}
