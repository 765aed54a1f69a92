"""Graphs as they were exported before every matrix had a bias."""

import struct

from gateway.staging.model_card import (
    HEAD_GOLDEN,
    pack,
    read_context,
    read_golden,
    unpack,
)
from gateway.staging.scorers.litert import load

ABSENT = -1


def without_bias(flatbuffer, inputs):
    """Return a flatbuffer whose one operator with these inputs has lost the last."""
    had, has = (
        struct.pack("<4i", 3, *some) for some in (inputs, [*inputs[:2], ABSENT])
    )
    assert flatbuffer.count(had) == 1
    return flatbuffer.replace(had, has)


def inputs_of_last_matrix(interpreter):
    """Return the tensors' indices: of its source, its weights and its bias."""
    operations = interpreter._get_ops_details()  # noqa: SLF001 (no other way)
    matrices = [of for of in operations if of["op_name"] == "FULLY_CONNECTED"]
    return [int(at) for at in matrices[-1]["inputs"]]


def bare_head(package):
    """Return the context head of `package`, its last matrix without a bias."""
    head = load(package, "shipped")._head  # noqa: SLF001 (what runs it)
    return without_bias(read_context(package, "shipped"), inputs_of_last_matrix(head))


def with_bare_head(package):
    """Return the package as it shipped before, its golden vectors included."""
    flatbuffer, card = unpack(package, "shipped")
    golden = read_golden(package, "shipped")
    head_golden = read_golden(package, "shipped", HEAD_GOLDEN)
    return pack(flatbuffer, card, golden, bare_head(package), head_golden)
