"""A model is shown, checked on this machine and taken into use, or refused."""

import json
import sys
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import yaml
from click.testing import CliRunner

from gateway.commands import cli
from gateway.errors import ConfigError, ModelError
from gateway.models.load import try_model
from gateway.models.model_file import DEFAULT
from gateway.staging.model_card import (
    HEAD_GOLDEN,
    pack,
    read_context,
    read_golden,
    unpack,
)

PACKAGE = (files("gateway") / "models" / DEFAULT).read_bytes()
FLATBUFFER, CARD = unpack(PACKAGE, DEFAULT)
ALONE = replace(CARD, context=None)  # the network without its context head
GOLDEN = read_golden(PACKAGE, DEFAULT)
FLOAT = (Path(__file__).parents[1] / "golden" / "float.tflite").read_bytes()
CONFIG = (
    "# mine\nstaging:\n  model: default  # the packaged one\ndevices: [{name: a}]\n"
)


@pytest.fixture
def sleepgate():
    def run(*arguments):
        result = CliRunner().invoke(cli, [str(a) for a in arguments])
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return run


@pytest.fixture
def written(tmp_path):
    """Return a function: bytes -> path of a file that holds them."""

    def write(package, name="own.tflite"):
        path = tmp_path / name
        path.write_bytes(package)
        return path

    return write


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text(CONFIG)
    return path


def truncated():
    return PACKAGE[: len(PACKAGE) // 2]


def flipped():
    damaged = bytearray(PACKAGE)
    damaged[len(FLATBUFFER) // 2] ^= 1
    return bytes(damaged)


def of_another_shape():
    two = replace(ALONE, channels=CARD.channels[:2], scale_uv=CARD.scale_uv[:2])
    return pack(FLATBUFFER, two, GOLDEN)


REFUSED = {
    "truncated": (truncated, "truncated copy"),
    "a wrong digest": (flipped, "damaged: its SHA-256"),
    "another input shape": (of_another_shape, r"\(1, 3, 3000, 1\), not \(1, 2"),
    "float": (lambda: pack(FLOAT, ALONE), "float32, not int8: not quantised"),
    "something else": (lambda: b"PK\3\4" * 99, "not a TFLite model"),
}


# --- info and verify ---


def test_the_shipped_model_answers_its_golden_vectors_here(sleepgate):
    result = sleepgate("model", "verify")
    assert result.exit_code == 0, result.output
    assert CARD.short_digest in result.stdout
    assert "reference kernels: 4 golden epochs answered to the bit" in result.stdout
    assert "context head, reference kernels: 8 golden epochs" in result.stdout


def test_litert_answers_to_the_bit_with_xnnpack(sleepgate):
    pytest.importorskip("ai_edge_litert", reason="needs LiteRT")
    result = sleepgate("model", "verify")
    assert "XNNPACK: 4 golden epochs answered to the bit" in result.stdout


def test_the_card_tells_what_a_network_of_ones_own_has_to_be_fed(sleepgate):
    shown = yaml.safe_load(sleepgate("model", "info", "--all").stdout)
    assert shown["channels"] == dict(zip(CARD.channels, CARD.scale_uv, strict=True))
    assert shown["digest"] == CARD.digest
    assert shown["band"]["sfreq"] == 100.0
    assert shown["golden_vectors"] == 4
    assert shown["bytes"] == len(PACKAGE) <= 64 * 1024


def test_programs_read_the_whole_card(sleepgate):
    (line,) = sleepgate("model", "info").stdout.splitlines()
    assert "--all" in line
    text = sleepgate("model", "info", "--all").stdout
    sheet, shown = (
        yaml.safe_load(text),
        json.loads(sleepgate("model", "info", "--json").stdout),
    )
    assert set(sheet) == set(shown)
    assert {"limits", "figures_int8"} <= set(list(sheet)[:5])
    for name, table in shown["figures_int8"].items():
        assert f"kappa {table['kappa']['value']:.2f}" in sheet["figures_int8"][name]
    assert len(shown["training"]["kappa_along_the_way"]) > 9
    assert len(text.splitlines()) < 200


def test_a_changed_answer_is_seen(sleepgate, written):
    other = GOLDEN.logits.copy()
    other[2, 3] ^= 1
    path = written(pack(FLATBUFFER, ALONE, replace(GOLDEN, logits=other)))
    with pytest.raises(ModelError, match=r"reference kernels answer otherwise"):
        sleepgate("model", "verify", path)


def test_a_changed_answer_of_the_context_head_is_seen(sleepgate, written):
    golden = read_golden(PACKAGE, DEFAULT, HEAD_GOLDEN)
    other = golden.logits.copy()
    other[2, 3] ^= 1
    head = read_context(PACKAGE, DEFAULT)
    package = pack(FLATBUFFER, CARD, GOLDEN, head, replace(golden, logits=other))
    with pytest.raises(ModelError, match=r"context head, reference kernels answer"):
        sleepgate("model", "verify", written(package))


def test_without_golden_vectors_nothing_is_verified(sleepgate, written):
    path = written(pack(FLATBUFFER, ALONE))
    with pytest.raises(ModelError, match="no golden vectors"):
        sleepgate("model", "verify", path)


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_no_model_for_this_gateway_is_refused_with_the_reason(
    sleepgate, written, config, kind
):
    make, reason = REFUSED[kind]
    path = written(make())
    for words in (["info"], ["verify"], ["use", "--config", config]):
        with pytest.raises(ModelError, match=reason) as refused:
            sleepgate("model", *words, path)
        assert str(path) in str(refused.value)
    assert config.read_text() == CONFIG


def test_a_file_made_to_kill_the_runtime_kills_its_own_process_only(written):
    harmful = bytearray(FLATBUFFER)
    harmful[:4] = b"\xf0\xff\xff\x7f"  # the root table, two gigabytes away
    path = written(pack(bytes(harmful), CARD, GOLDEN))
    with pytest.raises(ModelError, match=r"own\.tflite"):
        try_model(str(path))


@pytest.mark.parametrize("seed", range(2))
def test_offsets_gone_wild_end_in_an_answer_whatever_the_runtime_does(written, seed):
    rng = np.random.default_rng(seed)
    harmful = bytearray(FLATBUFFER)
    for at in rng.integers(8, len(FLATBUFFER), 60):
        harmful[at] = rng.integers(256)
    path = written(pack(bytes(harmful), CARD, GOLDEN))
    try:
        trial = try_model(str(path))
    except ModelError as error:
        assert "own.tflite" in str(error)
    else:
        assert trial.card.digest != CARD.digest


# --- use ---


def test_a_model_of_ones_own_is_taken_into_use_and_comments_stay(
    sleepgate, written, config
):
    path = written(PACKAGE)
    result = sleepgate("model", "use", path, "--config", config)
    assert result.exit_code == 0, result.output
    shown = json.dumps(str(path))
    assert config.read_text() == CONFIG.replace(
        "model: default  #", f"model: {shown}  #"
    )
    assert "restart the daemon" in result.stderr
    sleepgate("model", "use", "default", "--config", config)
    assert config.read_text() == CONFIG


def test_a_path_is_written_so_that_the_daemon_finds_it_from_anywhere(
    sleepgate, written, config, monkeypatch
):
    path = written(PACKAGE)
    monkeypatch.chdir(path.parent)
    sleepgate("model", "use", path.name, "--config", config)
    assert yaml.safe_load(config.read_text())["staging"]["model"] == str(path)


def test_a_model_that_answers_otherwise_here_is_not_used(sleepgate, written, config):
    path = written(pack(FLATBUFFER, ALONE, replace(GOLDEN, logits=~GOLDEN.logits)))
    with pytest.raises(ModelError, match="answer otherwise"):
        sleepgate("model", "use", path, "--config", config)
    assert config.read_text() == CONFIG


def test_a_model_without_golden_vectors_is_used_and_that_is_reported(
    sleepgate, written, config
):
    path = written(pack(FLATBUFFER, ALONE))
    result = sleepgate("model", "use", path, "--config", config)
    assert "not verified" in result.stderr
    assert str(path) in config.read_text()


def test_a_configuration_that_is_wrong_is_not_edited(sleepgate, written, config):
    config.write_text("staging: {model: 7}\n")
    with pytest.raises(ConfigError, match=r"staging\.model"):
        sleepgate("model", "use", written(PACKAGE), "--config", config)


@pytest.mark.skipif(sys.platform != "linux", reason="systemd is Linux's")
def test_the_service_is_not_given_a_path_that_it_cannot_see(
    sleepgate, written, config, monkeypatch
):
    monkeypatch.setattr("gateway.commands.model.SYSTEM", str(config.parent))
    path = written(PACKAGE)
    monkeypatch.setattr("gateway.commands.model.HIDDEN", (str(path.parent),))
    with pytest.raises(ConfigError, match="sudo install"):
        sleepgate("model", "use", path, "--config", config)
    assert config.read_text() == CONFIG
