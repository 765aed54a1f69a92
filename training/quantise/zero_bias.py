"""Zero biases, written out where a graph's matrices have none.

The converter leaves a bias of zeros away. tflite-runtime 2.14.0 reads the one that is
not there on aarch64, and dies of it.
"""

import flatbuffers
import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

from gateway.staging.model_card import (
    GOLDEN,
    HEAD_GOLDEN,
    has_golden,
    pack,
    read_context,
    read_golden,
    unpack,
)

BIAS = 2  # of a FULLY_CONNECTED's inputs
ABSENT = -1  # index of a tensor that is left away


def with_biases(flatbuffer: bytes) -> bytes:
    """Return an int8 graph whose every FULLY_CONNECTED has a bias.

    It answers the same; where no bias is missing, it is the same to the byte.
    """
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(flatbuffer))
    bare = [
        (graph, operator)
        for graph in model.subgraphs
        for operator in graph.operators
        if _is_matrix(model, operator) and not _has_bias(operator)
    ]
    if not bare:
        return flatbuffer
    for graph, operator in bare:
        source, weights = (graph.tensors[at] for at in operator.inputs[:BIAS])
        model.buffers.append(schema.BufferT())
        bias = _zeros(source, weights, model.buffers[-1])
        bias.buffer = len(model.buffers) - 1
        operator.inputs = [*operator.inputs[:BIAS], len(graph.tensors)]
        graph.tensors.append(bias)
    builder = flatbuffers.Builder(len(flatbuffer))
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def package_with_biases(package: bytes, source: str) -> bytes:
    """Return a model package whose graphs have all their biases.

    Its card stays as it is but for the digest, and so do its golden vectors.

    Parameters
    ----------
    package : bytes
        See `gateway.staging.model_card`.
    source : str
        File name, for messages.

    Raises
    ------
    ModelError
        If the package is refused.
    """
    flatbuffer, card = unpack(package, source)
    head = with_biases(read_context(package, source)) if card.context else b""
    golden, head_golden = (
        read_golden(package, source, name) if has_golden(package, name) else None
        for name in (GOLDEN, HEAD_GOLDEN)
    )
    return pack(with_biases(flatbuffer), card, golden, head, head_golden)


def _is_matrix(model: schema.ModelT, operator: schema.OperatorT) -> bool:
    code = model.operatorCodes[operator.opcodeIndex].builtinCode
    return bool(code == schema.BuiltinOperator.FULLY_CONNECTED)


def _has_bias(operator: schema.OperatorT) -> bool:
    return len(operator.inputs) > BIAS and operator.inputs[BIAS] != ABSENT


def _zeros(
    source: schema.TensorT, weights: schema.TensorT, buffer: schema.BufferT
) -> schema.TensorT:
    """Return a bias of int32 zeros, a code of it worth one of the products' own."""
    n_out = int(weights.shape[0])
    buffer.data = np.zeros(n_out, np.int32).view(np.uint8)
    bias = schema.TensorT()
    bias.name = weights.name + b";bias"
    bias.type = schema.TensorType.INT32
    bias.shape = np.array([n_out], np.int32)
    bias.hasRank = True
    bias.quantization = schema.QuantizationParametersT()
    scales = weights.quantization.scale * source.quantization.scale[0]
    bias.quantization.scale = scales.astype(np.float32)
    bias.quantization.zeroPoint = np.zeros(len(scales), np.int64)
    return bias
