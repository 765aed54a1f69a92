import sys
from dataclasses import replace
from importlib.resources import files

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gateway.errors import ModelError
from gateway.models.load import read_model
from gateway.models.model_file import DEFAULT
from gateway.preprocessing.epoching import Epoch
from gateway.preprocessing.filtering import Band
from gateway.preprocessing.input_scaling import STEP, quantise
from gateway.preprocessing.signal_quality import Quality
from gateway.staging.context import ContextHead
from gateway.staging.model_card import ModelCard, pack
from gateway.staging.runtimes import RUNTIMES
from gateway.staging.scorers import litert
from gateway.staging.scorers.graph import softmax
from gateway.staging.scorers.litert import Kernels, LiteRtScorer, load

CARD = ModelCard("toy-1", ("EEG Fpz-Cz", "EEG Pz-Oz"), (12.0, 8.0), Band(), 1.0, "")
FLATBUFFER = b"\0\0\0\0TFL3"
INPUT = {
    "index": 0,
    "dtype": np.int8,
    "shape": np.array([1, 2, 3000, 1]),
    "quantization": (8 / 255, 0),
}
OUTPUT = {
    "index": 1,
    "dtype": np.int8,
    "shape": np.array([1, 5]),
    "quantization": (0.1, 3),
}


class ToyInterpreter:
    """An interpreter whose logits are the first five input codes."""

    def __init__(self, inputs=(INPUT,), outputs=(OUTPUT,), failure=None):
        self.inputs, self.outputs, self.failure = inputs, outputs, failure

    def get_input_details(self):
        return list(self.inputs)

    def get_output_details(self):
        return list(self.outputs)

    def set_tensor(self, index, value):
        assert value.shape == (1, 2, 3000, 1)
        self.value = value

    def allocate_tensors(self):
        pass

    def invoke(self):
        if self.failure:
            raise self.failure

    def get_tensor(self, index):
        return self.value[:, 0, :5, 0]


def toy_runtime(monkeypatch, interpreter):
    class Runtime:
        OpResolverType = {kernels.value: kernels for kernels in Kernels}  # noqa: RUF012

        @staticmethod
        def Interpreter(**options):  # noqa: N802 (the runtimes' name for it)
            assert options["num_threads"] == 1
            if isinstance(interpreter, Exception):
                raise interpreter
            return interpreter

    monkeypatch.setattr(litert, "_runtime", lambda: (Runtime, "toy-runtime 1.0"))


def epoch_of(uv):
    quality = (Quality(frozenset(), 0.0, 1.0),) * len(uv)
    return Epoch(0, np.asarray(uv, np.float32), quality, 30.0)


@given(arrays(np.float32, (2, 50), elements=st.floats(-4, 4, width=32)))
def test_a_code_is_the_nearest_of_the_256(compressed):
    codes = quantise(compressed)
    policy = np.arange(-128, 128) * STEP
    nearest = np.abs(policy[:, None, None] - compressed).min(0)
    assert codes.dtype == np.int8
    np.testing.assert_allclose(
        np.abs(codes * STEP - compressed), nearest, atol=float(STEP) * 1e-4
    )


def test_halves_go_to_even_and_the_ends_saturate():
    halves = np.array([0.5, 1.5, 2.5, -0.5, -1.5], np.float32)
    assert quantise(halves * STEP).tolist() == [0, 2, 2, 0, -2]
    beyond = np.array([200, -200], np.float32)
    assert quantise(beyond * STEP).tolist() == [127, -128]


@given(arrays(np.float64, 5, elements=st.floats(-700, 700)))
def test_probabilities_sum_to_one_whatever_the_logits(logits):
    hypnodensity = softmax(logits)
    assert abs(sum(hypnodensity) - 1) < 1e-12
    assert min(hypnodensity) >= 0
    assert hypnodensity[int(np.argmax(logits))] == max(hypnodensity)


def test_logits_leave_their_codes_before_the_softmax():
    scorer = LiteRtScorer(ToyInterpreter(), replace(CARD, temperature=2.0), "toy")
    uv = np.zeros((2, 3000), np.float32)
    uv[0, :5] = 12 * np.sinh(STEP * np.array([10, 20, 3, 0, -7]))
    expected = np.exp(np.array([7, 17, 0, -3, -10]) * 0.1 / 2.0)
    np.testing.assert_allclose(
        scorer.hypnodensity(epoch_of(uv)), expected / expected.sum(), rtol=1e-9
    )


class ToyHead(ToyInterpreter):
    """A head whose logits are the first five codes of the latest epoch."""

    def set_tensor(self, index, value):
        assert value.shape == (1, 4, 6)
        self.value = value

    def get_tensor(self, index):
        return self.value[:, -1, :5]


def test_a_head_is_asked_by_its_own_scale_and_temperature():
    card = replace(CARD, temperature=9.0, context=ContextHead(4, 2.0))
    scorer = LiteRtScorer(ToyInterpreter(), card, "toy", ToyHead())
    codes = np.arange(24, dtype=np.int8).reshape(4, 6)
    expected = np.exp((np.arange(18, 23) - 3) * 0.1 / 2.0)
    np.testing.assert_allclose(
        scorer.in_context(codes), expected / expected.sum(), rtol=1e-9
    )


def test_a_model_without_a_head_knows_no_context():
    scorer = LiteRtScorer(ToyInterpreter(), CARD, "toy")
    with pytest.raises(ModelError, match="toy-1: has no context head"):
        scorer.in_context(np.zeros((4, 6), np.int8))


def test_a_head_of_another_shape_is_refused_as_the_head(monkeypatch):
    toy_runtime(monkeypatch, ToyInterpreter())
    card = replace(CARD, context=ContextHead(4, 2.0))
    package = pack(FLATBUFFER, card, head=FLATBUFFER)
    with pytest.raises(ModelError, match=r"its context head: input of shape"):
        load(package, "toy.tflite")


def test_an_answer_does_not_change_when_the_next_epoch_comes():
    scorer = LiteRtScorer(ToyInterpreter(), CARD, "toy")
    first = scorer.logits(np.full((2, 3000), 1, np.int8))
    scorer.logits(np.full((2, 3000), 2, np.int8))
    assert first.tolist() == [1] * 5


@pytest.mark.parametrize("failure", [RuntimeError("node 3"), ValueError("dims")])
def test_a_failing_interpreter_is_a_model_error_that_names_the_model(failure):
    scorer = LiteRtScorer(ToyInterpreter(failure=failure), CARD, "toy")
    with pytest.raises(ModelError, match=f"toy-1: inference failed: {failure}"):
        scorer.hypnodensity(epoch_of(np.zeros((2, 3000))))


def test_an_epoch_of_another_montage_is_no_epoch_for_this_model():
    scorer = LiteRtScorer(ToyInterpreter(), CARD, "toy")
    with pytest.raises(ModelError, match=r"epoch of shape \(3, 3000\)"):
        scorer.hypnodensity(epoch_of(np.zeros((3, 3000))))


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_an_epoch_with_no_number_in_it_is_not_scored(number):
    scorer = LiteRtScorer(ToyInterpreter(), CARD, "toy")
    uv = np.zeros((2, 3000))
    uv[1, 7] = number
    with pytest.raises(ModelError, match="not all numbers"):
        scorer.hypnodensity(epoch_of(uv))


@pytest.mark.parametrize(
    ("inputs", "outputs", "complaint"),
    [
        ([INPUT | {"dtype": np.float32}], [OUTPUT], "input is float32, not int8"),
        ([INPUT], [OUTPUT | {"dtype": np.float32}], "output is float32, not int8"),
        ([INPUT | {"shape": np.array([1, 3, 3000, 1])}], [OUTPUT], "input of shape"),
        ([INPUT | {"shape": np.array([1, 2, 3000])}], [OUTPUT], "input of shape"),
        ([INPUT], [OUTPUT | {"shape": np.array([1, 4])}], "output of shape"),
        ([INPUT | {"quantization": (0.05, 0)}], [OUTPUT], "input scale 0.05"),
        ([INPUT | {"quantization": (8 / 255, -1)}], [OUTPUT], "zero point -1"),
        ([INPUT], [OUTPUT | {"quantization": (0.0, 0)}], "no quantisation scale"),
        ([INPUT, INPUT], [OUTPUT], "2 inputs and 1 outputs"),
    ],
)
def test_a_graph_that_is_not_the_cards_is_refused_with_the_reason(
    monkeypatch, inputs, outputs, complaint
):
    toy_runtime(monkeypatch, ToyInterpreter(inputs, outputs))
    with pytest.raises(ModelError, match=r"^toy\.tflite: ") as refusal:
        load(pack(FLATBUFFER, CARD), "toy.tflite")
    assert complaint in str(refusal.value)


def test_a_graph_the_runtime_cannot_read_is_a_model_error(monkeypatch):
    toy_runtime(monkeypatch, ValueError("Op builtin_code out of range"))
    with pytest.raises(ModelError, match=r"toy\.tflite: toy-runtime 1\.0 refuses it"):
        load(pack(FLATBUFFER, CARD), "toy.tflite")


def test_a_good_graph_says_what_runs_it(monkeypatch):
    toy_runtime(monkeypatch, ToyInterpreter())
    scorer = load(pack(FLATBUFFER, CARD), "toy.tflite")
    assert scorer.runtime == "toy-runtime 1.0"
    assert scorer.card.name == "toy-1"


def test_without_any_runtime_the_message_says_what_to_install(monkeypatch):
    for _, module in RUNTIMES:
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ModelError, match="pip install ai-edge-litert"):
        load(pack(FLATBUFFER, CARD), "toy.tflite")


def test_litert_is_taken_first_where_it_is_installed():
    assert RUNTIMES[0][0] == "ai-edge-litert"


def test_the_shipped_model_is_the_default():
    scorer = read_model("default")
    assert f"{scorer.card.name}.tflite" == DEFAULT
    assert scorer.runtime.split()[0] in {name for name, _ in RUNTIMES}


def test_a_model_of_ones_own_is_read_from_its_path(tmp_path):
    shipped = files("gateway") / "models" / DEFAULT
    mine = tmp_path / "mine.tflite"
    mine.write_bytes(shipped.read_bytes())
    assert read_model(str(mine)).card == read_model("default").card


def test_a_file_that_is_no_model_is_refused_by_its_name(tmp_path):
    mine = tmp_path / "mine.tflite"
    with pytest.raises(ModelError, match=r"mine\.tflite: No such file"):
        read_model(str(mine))
    mine.write_bytes(b"hello, I am no model")
    with pytest.raises(ModelError, match=r"mine\.tflite: not a TFLite model"):
        read_model(str(mine))
