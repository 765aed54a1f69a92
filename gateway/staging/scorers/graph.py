"""Graph of a model in an interpreter of either runtime, and its checks."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from gateway.errors import ModelError
from gateway.preprocessing.input_scaling import STEP
from gateway.staging.stage import STAGES

BIAS = 2  # of a FULLY_CONNECTED's inputs; negative where it is left away


class Interpreter(Protocol):
    """Interpreter of either runtime, as far as it is used; neither has types."""

    def get_input_details(self) -> Sequence[Mapping[str, Any]]:
        """Return name, shape, dtype and quantisation of every input."""
        ...

    def get_output_details(self) -> Sequence[Mapping[str, Any]]:
        """Return the same of every output."""
        ...

    def allocate_tensors(self) -> None:
        """Make room for every tensor."""
        ...

    def set_tensor(self, tensor_index: int, value: NDArray[np.int8]) -> None:
        """Copy an input in."""
        ...

    def invoke(self) -> None:
        """Run the graph."""
        ...

    def get_tensor(self, tensor_index: int) -> NDArray[np.int8]:
        """Copy an output out."""
        ...

    def _get_ops_details(self) -> Sequence[Mapping[str, Any]]: ...


def lacks_bias(interpreter: Interpreter) -> bool:
    """Tell whether a FULLY_CONNECTED of the graph has no bias, not even of zeros."""
    return any(
        operation["op_name"] == "FULLY_CONNECTED"
        and (len(operation["inputs"]) <= BIAS or operation["inputs"][BIAS] < 0)
        for operation in interpreter._get_ops_details()  # noqa: SLF001 (no other way)
    )


def softmax(logits: NDArray[np.float64]) -> tuple[float, ...]:
    """Return probabilities that sum to 1.

    Parameters
    ----------
    logits : ndarray of float64, shape (n_classes,)
    """
    odds = np.exp(logits - logits.max())
    return tuple(map(float, odds / odds.sum()))


def probabilities(
    interpreter: Interpreter, codes: NDArray[np.int8], temperature: float
) -> tuple[float, ...]:
    """Return the probabilities that the int8 logits `codes` stand for.

    Parameters
    ----------
    interpreter : Interpreter
        That gave them.
    codes : ndarray of int8, shape (n_classes,)
    temperature : float
    """
    scale, zero_point = interpreter.get_output_details()[0]["quantization"]
    return softmax((codes.astype(np.float64) - zero_point) * scale / temperature)


def check_graph(interpreter: Interpreter, wanted: tuple[int, ...], source: str) -> None:
    """Refuse a graph that is not int8 from `wanted` to five logits.

    Raises
    ------
    ModelError
        That names `source` and says what is wrong.
    """
    inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
    if len(inputs) != 1 or len(outputs) != 1:
        raise ModelError(
            f"{source}: {len(inputs)} inputs and {len(outputs)} outputs, not 1 and 1"
        )
    for what, tensor, shape in (
        ("input", inputs[0], (1, *wanted)),
        ("output", outputs[0], (1, len(STAGES))),
    ):
        found = tuple(map(int, tensor["shape"]))
        if tensor["dtype"] is not np.int8:
            kind = np.dtype(tensor["dtype"]).name
            raise ModelError(f"{source}: {what} is {kind}, not int8: not quantised")
        if found != shape:
            raise ModelError(f"{source}: {what} of shape {found}, not {shape}")
    scale, zero_point = inputs[0]["quantization"]
    if zero_point != 0 or not np.isclose(scale, STEP, rtol=1e-4, atol=0):
        raise ModelError(
            f"{source}: input scale {scale:.6g}, zero point {zero_point}; this "
            f"gateway feeds {STEP:.6g} and 0"
        )
    if outputs[0]["quantization"][0] <= 0:
        raise ModelError(f"{source}: its output carries no quantisation scale")
