"""Every matrix that is exported has a bias, if need be of zeros."""

from importlib.resources import files

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow", reason="needs the extra [training]")

from click.testing import CliRunner  # noqa: E402 (only after the skip)

from gateway.errors import ModelError  # noqa: E402
from gateway.models.model_file import DEFAULT  # noqa: E402
from gateway.staging.model_card import read_context, unpack  # noqa: E402
from gateway.staging.scorers.graph import lacks_bias  # noqa: E402
from tests.support.missing_bias import bare_head, inputs_of_last_matrix, with_bare_head  # noqa: E402
from training.network.context_head import initial  # noqa: E402
from training.quantise.bias_command import command  # noqa: E402
from training.quantise.export_head import convert_head, head_ranges  # noqa: E402
from training.quantise.quantised import Quantised  # noqa: E402
from training.quantise.zero_bias import package_with_biases, with_biases  # noqa: E402

PACKAGE = (files("gateway") / "models" / DEFAULT).read_bytes()
DICE = np.random.default_rng(1)
CODES = DICE.integers(-128, 128, (300, 30, 6)).astype(np.int8)


@pytest.mark.parametrize("kernels", ["AUTO", "BUILTIN_REF"])
def test_a_bias_of_zeros_changes_no_answer(kernels):
    bare = bare_head(PACKAGE)
    without, having = (Quantised(of, kernels) for of in (bare, with_biases(bare)))
    assert lacks_bias(without.interpreter)
    assert not lacks_bias(having.interpreter)
    np.testing.assert_array_equal(without.codes(CODES), having.codes(CODES))


def test_it_is_int32_and_of_the_products_own_scale():
    graph = Quantised(with_biases(bare_head(PACKAGE))).interpreter
    source, weights, bias = (
        next(t for t in graph.get_tensor_details() if t["index"] == at)
        for at in inputs_of_last_matrix(graph)
    )
    assert bias["dtype"] is np.int32
    assert not graph.get_tensor(bias["index"]).any()
    scales = weights["quantization_parameters"]["scales"] * source["quantization"][0]
    quantised = bias["quantization_parameters"]
    np.testing.assert_allclose(quantised["scales"], scales, rtol=1e-6)
    assert not quantised["zero_points"].any()


def test_a_graph_that_has_them_is_left_alone():
    for graph in (unpack(PACKAGE, DEFAULT)[0], read_context(PACKAGE, DEFAULT)):
        assert with_biases(graph) == graph


def test_a_head_is_exported_with_all_its_biases():
    weights = {
        name: of + DICE.normal(0, 0.1, of.shape).astype(np.float32)
        for name, of in initial(seed=1).items()
    }
    head = convert_head(weights, head_ranges(weights, CODES))
    assert not lacks_bias(Quantised(head).interpreter)


def test_an_old_package_gets_them_and_keeps_all_else(tmp_path):
    old = with_bare_head(PACKAGE)
    mended = package_with_biases(old, "own.tflite")
    before, after = (unpack(of, "own.tflite") for of in (old, mended))
    assert before[0] == after[0]
    assert before[1].digest != after[1].digest
    assert before[1].about == after[1].about
    assert not lacks_bias(Quantised(read_context(mended, "own.tflite")).interpreter)
    file = tmp_path / "own.tflite"
    file.write_bytes(old)
    assert CliRunner().invoke(command, [str(file)]).exit_code == 0
    assert file.read_bytes() == mended
    assert "lacks none" in CliRunner().invoke(command, [str(file)]).output


def test_a_damaged_package_is_refused():
    with pytest.raises(ModelError, match="truncated"):
        package_with_biases(PACKAGE[:9000], "own.tflite")
