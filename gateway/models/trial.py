"""Try a model file in a process of its own, which may die of it.

The digest on the card finds a damaged file, not one that was made to do harm: the
runtimes do not check the offsets inside a flatbuffer and crash on wrong ones.
"""

import multiprocessing
import platform
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from multiprocessing.connection import Connection

import numpy as np
from numpy.typing import NDArray

from gateway.errors import ModelError
from gateway.models.load import read_package
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
from gateway.staging.scorers.litert import N_SAMPLES, Kernels, LiteRtScorer, load

PATIENCE_S = 120.0  # a slow card and a cold cache; the work itself takes a second


@dataclass(frozen=True, slots=True)
class Trial:
    """What a model did here.

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


def try_model(name_or_path: str) -> Trial:
    """Load a model, let it score, and compare its answers with the golden vectors.

    Parameters
    ----------
    name_or_path : str
        As for `gateway.models.load.read_model`.

    Raises
    ------
    ModelError
        If the file is refused, or kills or stalls the runtime; says why.
    """
    package, source = read_package(name_or_path)
    spawn = multiprocessing.get_context("spawn")
    receiver, sender = spawn.Pipe(duplex=False)
    child = spawn.Process(target=_answer, args=(package, source, sender), daemon=True)
    child.start()
    sender.close()
    try:
        if not receiver.poll(PATIENCE_S):
            raise ModelError(f"{source}: the runtime stalls over it; do not use it")
        told: Trial | ModelError = receiver.recv()
    except EOFError:
        child.join()
        how = _cause(child.exitcode or 0)
        raise ModelError(
            f"{source}: the runtime dies of it ({how}); do not use it"
        ) from None
    finally:
        child.kill()
        child.join()
        receiver.close()
    if isinstance(told, ModelError):
        raise told
    return told


def _answer(package: bytes, source: str, sender: Connection) -> None:
    try:
        sender.send(_tried(package, source))
    except ModelError as error:
        sender.send(error)


def _tried(package: bytes, source: str) -> Trial:
    scorers = {kernels: load(package, source, kernels) for kernels in Kernels}
    fastest = scorers[Kernels.FASTEST]
    silence = np.zeros((len(fastest.card.channels), N_SAMPLES), np.int8)
    for scorer in scorers.values():
        scorer.logits(silence)
    verdicts: dict[str, GoldenResult] = {}
    if has_golden(package):
        golden = read_golden(package, source)
        if golden.inputs.shape[1:] != silence.shape:
            raise ModelError(f"{source}: golden vectors of another input shape")
        for scorer in scorers.values():
            answers = np.array([scorer.logits(codes) for codes in golden.inputs])
            verdicts |= _verdict(
                scorer, golden, answers, reference=scorer is not fastest
            )
    if has_golden(package, HEAD_GOLDEN):
        golden = read_golden(package, source, HEAD_GOLDEN)
        for scorer in scorers.values():
            answers = np.array([scorer.head_logits(of) for of in golden.inputs])
            told = _verdict(scorer, golden, answers, reference=scorer is not fastest)
            verdicts |= {f"context head, {name}": of for name, of in told.items()}
    return Trial(
        fastest.card, len(package), fastest.runtime, platform.machine(), verdicts
    )


def _verdict(
    scorer: LiteRtScorer,
    golden: GoldenVectors,
    answers: NDArray[np.int8],
    *,
    reference: bool,
) -> dict[str, GoldenResult]:
    if reference:
        return {"reference kernels": compare_golden(answers, golden.logits, 0)}
    if scorer.delegated and golden.xnnpack is not None:
        return {"XNNPACK": compare_golden(answers, golden.xnnpack, 0)}
    name = "XNNPACK" if scorer.delegated else "optimised kernels"
    return {name: compare_golden(answers, golden.logits, CODES_APART)}


def _cause(exit_code: int) -> str:
    if exit_code < 0:
        return signal.Signals(-exit_code).name
    return f"exit code {exit_code}"
