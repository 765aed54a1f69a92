"""What tflite-runtime dies of on aarch64 it is not given, on any machine."""

from importlib.resources import files

import numpy as np
import pytest

from gateway.models.model_file import DEFAULT
from gateway.staging.model_card import HEAD_GOLDEN, read_golden, unpack
from gateway.staging.scorers import litert
from gateway.staging.scorers.graph import lacks_bias
from gateway.staging.scorers.litert import Kernels, load
from tests.support.missing_bias import with_bare_head

PACKAGE = (files("gateway") / "models" / DEFAULT).read_bytes()
BARE = with_bare_head(PACKAGE)


@pytest.fixture
def resolved(monkeypatch):
    """Return the kernels of every interpreter that is made, in order."""
    chosen = []
    make = litert._allocated  # noqa: SLF001 (where kernels are chosen)

    def noted(module, flatbuffer, kernels):
        chosen.append(kernels)
        return make(module, flatbuffer, kernels)

    monkeypatch.setattr(litert, "_allocated", noted)
    return chosen


@pytest.fixture
def runtime_is(monkeypatch):
    """Return a function that gives the runtime here another name."""
    module, _ = litert._runtime()  # noqa: SLF001 (which module it is)
    return lambda name: monkeypatch.setattr(litert, "_runtime", lambda: (module, name))


def graphs(package):
    scorer = load(package, "x", Kernels.REFERENCE)
    return scorer._interpreter, scorer._head  # noqa: SLF001 (what runs them)


def test_the_shipped_model_has_all_its_biases():
    assert [lacks_bias(graph) for graph in graphs(PACKAGE)] == [False, False]


def test_a_head_without_a_bias_is_seen():
    assert [lacks_bias(graph) for graph in graphs(BARE)] == [False, True]


def test_an_operation_with_two_inputs_has_no_bias_either():
    class Graph:
        def _get_ops_details(self):
            return [{"op_name": "FULLY_CONNECTED", "inputs": np.array([3, 1])}]

    assert lacks_bias(Graph())


@pytest.mark.parametrize(
    ("runtime", "of_head"),
    [
        ("tflite-runtime 2.14.0", [Kernels.FASTEST, Kernels.REFERENCE]),
        ("ai-edge-litert 2.3.0", [Kernels.FASTEST]),
    ],
)
def test_only_that_graph_gets_reference_kernels_and_only_on_that_runtime(
    runtime_is, resolved, runtime, of_head
):
    runtime_is(runtime)
    load(BARE, "own.tflite")
    assert resolved == [Kernels.FASTEST, *of_head]
    resolved.clear()
    load(PACKAGE, DEFAULT)
    assert resolved == [Kernels.FASTEST] * 2


def test_a_model_that_was_trained_before_stages_as_it_did(runtime_is):
    golden = read_golden(BARE, "own.tflite", HEAD_GOLDEN)
    assert unpack(BARE, "own.tflite")[1].digest != unpack(PACKAGE, DEFAULT)[1].digest
    runtime_is("tflite-runtime 2.14.0")
    head = load(BARE, "own.tflite")
    answers = np.array([head.head_logits(codes) for codes in golden.inputs])
    np.testing.assert_array_equal(answers, golden.logits)


@pytest.mark.parametrize("kernels", Kernels)
def test_the_bias_of_zeros_changes_no_answer(runtime_is, kernels):
    runtime_is("one that does not mind 1.0")
    dice = np.random.default_rng(1)
    with_bias, without = (load(of, "x", kernels) for of in (PACKAGE, BARE))
    for codes in dice.integers(-128, 128, (400, 30, 6)).astype(np.int8):
        np.testing.assert_array_equal(
            with_bias.head_logits(codes), without.head_logits(codes)
        )
