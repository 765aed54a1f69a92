"""Score with LiteRT or, where it is not installed, with tflite-runtime.

Both read the same file through the same interface. LiteRT is 6-10 times faster on
int8 (it hands the graph to XNNPACK); tflite-runtime runs where LiteRT has no wheel.
"""

from enum import Enum
from importlib import import_module, metadata
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from gateway.errors import ModelError
from gateway.preprocessing.epoching import Epoch
from gateway.preprocessing.input_scaling import compress, quantise
from gateway.staging.context import N_FEATURES
from gateway.staging.model_card import ModelCard, read_context, unpack
from gateway.staging.runtimes import RUNTIMES
from gateway.staging.scorers.graph import (
    Interpreter,
    check_graph,
    lacks_bias,
    probabilities,
)
from gateway.staging.stage import STAGES

N_SAMPLES = 3000
# its optimised int8 kernel reads a bias that is not there: a segmentation fault on
# aarch64. The context heads of earlier exports have such a matrix
DIES_WITHOUT_BIAS = "tflite-runtime"


class Kernels(Enum):
    """Which implementation of the operations; the value is the runtimes' name."""

    FASTEST = "AUTO"
    REFERENCE = "BUILTIN_REF"  # bit-identical on every platform and runtime


class LiteRtScorer:
    """A model in an interpreter, checked and ready; a `Scorer`.

    Parameters
    ----------
    interpreter : Interpreter
        Tensors allocated.
    card : ModelCard
    runtime : str
        Name and version, e.g. ``"tflite-runtime 2.14.0"``.
    head : Interpreter or None
        Of the context head, if the card has one; tensors allocated.
    """

    def __init__(
        self,
        interpreter: Interpreter,
        card: ModelCard,
        runtime: str,
        head: Interpreter | None = None,
    ) -> None:
        self._interpreter = interpreter
        self._head = head
        self._card = card
        self._runtime = runtime

    @property
    def card(self) -> ModelCard:
        """Card of the model: its input and its measured accuracy."""
        return self._card

    @property
    def runtime(self) -> str:
        """Name and version of the interpreter, for people."""
        return self._runtime

    @property
    def delegated(self) -> bool:
        """Whether XNNPACK runs the graph, not the runtime's own kernels."""
        operations = self._interpreter._get_ops_details()  # noqa: SLF001 (no other way)
        return any(of["op_name"] == "DELEGATE" for of in operations)

    def hypnodensity(self, epoch: Epoch) -> tuple[float, ...]:
        """Return five probabilities, W N1 N2 N3 R.

        Raises
        ------
        ModelError
            If the epoch has not the model's shape or holds a NaN, or the interpreter
            fails.
        """
        wanted = (len(self._card.channels), N_SAMPLES)
        if epoch.uv.shape != wanted:
            raise ModelError(
                f"{self._card.name}: epoch of shape {epoch.uv.shape}, not {wanted}"
            )
        if not np.isfinite(epoch.uv).all():
            raise ModelError(f"{self._card.name}: an epoch that is not all numbers")
        codes = self.logits(quantise(compress(epoch.uv, self._card.scale())))
        return probabilities(self._interpreter, codes, self._card.temperature)

    def in_context(self, codes: NDArray[np.int8]) -> tuple[float, ...]:
        """Return five probabilities of the last of several epochs.

        Parameters
        ----------
        codes : ndarray of int8, shape (n_epochs, 6)
            From `Context.codes`, as many as the card says.

        Raises
        ------
        ModelError
            If the model has no context head, or the interpreter fails.
        """
        if self._head is None or self._card.context is None:
            raise ModelError(f"{self._card.name}: has no context head")
        answer = self.head_logits(codes)
        return probabilities(self._head, answer, self._card.context.temperature)

    def head_logits(self, codes: NDArray[np.int8]) -> NDArray[np.int8]:
        """Run the context head, int8 in and int8 out.

        Parameters
        ----------
        codes : ndarray of int8, shape (n_epochs, 6)

        Returns
        -------
        ndarray of int8, shape (5,)

        Raises
        ------
        ModelError
            If the model has no context head, or the interpreter fails.
        """
        if self._head is None:
            raise ModelError(f"{self._card.name}: has no context head")
        return self._run(self._head, codes[None])

    def logits(self, codes: NDArray[np.int8]) -> NDArray[np.int8]:
        """Run the graph, int8 in and int8 out.

        Parameters
        ----------
        codes : ndarray of int8, shape (n_channels, 3000)

        Returns
        -------
        ndarray of int8, shape (5,)

        Raises
        ------
        ModelError
            If the interpreter fails.
        """
        return self._run(self._interpreter, codes[None, :, :, None])

    def _run(
        self, interpreter: Interpreter, codes: NDArray[np.int8]
    ) -> NDArray[np.int8]:
        try:
            interpreter.set_tensor(interpreter.get_input_details()[0]["index"], codes)
            interpreter.invoke()
            answer: NDArray[np.int8] = interpreter.get_tensor(
                interpreter.get_output_details()[0]["index"]
            )
        except (RuntimeError, ValueError) as error:
            raise ModelError(f"{self._card.name}: inference failed: {error}") from error
        return answer.reshape(len(STAGES)).copy()


def load(
    package: bytes, source: str, kernels: Kernels = Kernels.FASTEST
) -> LiteRtScorer:
    """Make a scorer of a model package.

    Parameters
    ----------
    package : bytes
        See `gateway.staging.model_card`.
    source : str
        File name, for messages.
    kernels : Kernels

    Raises
    ------
    ModelError
        If the package is refused, no runtime is installed, or the graph is not
        the int8 one its card describes.
    """
    flatbuffer, card = unpack(package, source)
    interpreter, runtime = _interpreter(flatbuffer, source, kernels)
    check_graph(interpreter, (len(card.channels), N_SAMPLES, 1), source)
    if card.context is None:
        return LiteRtScorer(interpreter, card, runtime)
    about = f"{source}, its context head"
    head, _ = _interpreter(read_context(package, source), about, kernels)
    check_graph(head, (card.context.n_epochs, N_FEATURES), about)
    return LiteRtScorer(interpreter, card, runtime, head)


def _interpreter(
    flatbuffer: bytes, source: str, kernels: Kernels
) -> tuple[Interpreter, str]:
    module, runtime = _runtime()
    try:
        interpreter = _allocated(module, flatbuffer, kernels)
        if runtime.startswith(DIES_WITHOUT_BIAS) and lacks_bias(interpreter):
            interpreter = _allocated(module, flatbuffer, Kernels.REFERENCE)
    except (RuntimeError, ValueError) as error:
        raise ModelError(f"{source}: {runtime} refuses it: {error}") from error
    return interpreter, runtime


def _allocated(module: ModuleType, flatbuffer: bytes, kernels: Kernels) -> Interpreter:
    interpreter: Interpreter = module.Interpreter(
        model_content=flatbuffer,
        num_threads=1,
        experimental_op_resolver_type=module.OpResolverType[kernels.value],
    )
    interpreter.allocate_tensors()
    return interpreter


def _runtime() -> tuple[ModuleType, str]:
    for distribution, name in RUNTIMES:
        try:
            module = import_module(name)
        except ImportError:  # the next one, or the error below
            continue
        return module, f"{distribution} {metadata.version(distribution)}"
    raise ModelError(
        "no TFLite runtime can be imported\nnext: pip install ai-edge-litert, or on "
        "Python 3.11 pip install tflite-runtime 'numpy<2'"
    )
