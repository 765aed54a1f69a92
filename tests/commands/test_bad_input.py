"""What a person gets wrong ends in one clear message and the right exit code."""

import os
import socket
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest


@pytest.fixture
def sleepgate(tmp_path):
    def run(*arguments, without=()):
        """Run the command; a module in `without` cannot be imported."""
        for module in without:
            blocked = tmp_path / "blocked" / f"{module}.py"
            blocked.parent.mkdir(exist_ok=True)
            blocked.write_text(
                f"raise ModuleNotFoundError('no {module}', name='{module}')\n"
            )
        paths = [str(tmp_path / "blocked")] if without else []
        path = os.pathsep.join([*paths, str(Path.cwd())])
        return subprocess.run(
            [sys.executable, "-m", "gateway", *map(str, arguments)],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            env={**os.environ, "PYTHONPATH": path},
        )

    return run


def assert_refused(result, *words, code=2):
    assert result.returncode == code, result.stderr
    assert "Traceback" not in result.stderr
    for word in words:
        assert word in result.stderr


@pytest.fixture
def recording(tmp_path):
    """Return a function: labels -> path of a one-minute EDF."""
    edfio = pytest.importorskip("edfio")

    def write(*labels, name="night-PSG.edf", seconds=60):
        rng = np.random.default_rng(0)
        signals = [
            edfio.EdfSignal(
                rng.normal(0, 20, 100 * seconds),
                100,
                label=label,
                physical_dimension="uV",
                physical_range=(-200, 200),
            )
            for label in labels
        ]
        path = tmp_path / name
        edfio.Edf(signals).write(path)
        return path

    return write


def test_a_file_that_is_not_there(sleepgate):
    assert_refused(sleepgate("score", "no-such.edf"), "no-such.edf")


def test_a_file_that_is_no_edf(sleepgate, tmp_path):
    path = tmp_path / "text.edf"
    path.write_text("dear diary")
    for verb in (("score",), ("demo",), ("sim", "--transport", "unix:/none")):
        assert_refused(sleepgate(*verb, path), str(path))


def test_a_truncated_edf(sleepgate, recording):
    path = recording("EEG Fpz-Cz")
    path.write_bytes(path.read_bytes()[:-3000])
    result = sleepgate("score", path)
    assert result.returncode == 0, result.stderr
    assert f"{path}: its header says 60 data records, it holds 45" in result.stderr
    path.write_bytes(path.read_bytes()[:600])
    assert_refused(sleepgate("score", path), str(path), "0 whole data records")


def test_a_recording_without_a_usable_channel(sleepgate, recording):
    path = recording("Flow", "SpO2")
    assert_refused(sleepgate("score", path), str(path), "Flow")


def test_a_recording_whose_channels_the_model_cannot_use(sleepgate, recording):
    path = recording("EEG C3-A2")
    assert_refused(sleepgate("score", path), "C3-A2", "EEG Fpz-Cz")


def test_a_recording_mapped_by_hand_is_scored(sleepgate, recording):
    path = recording("C3-A2")
    result = sleepgate("score", path, "--channel", "EEG Fpz-Cz=C3-A2")
    assert result.returncode == 0, result.stderr
    assert len(result.stdout.splitlines()) == 2 + 1  # two epochs, one summary


def test_a_recording_too_short_for_an_epoch(sleepgate, recording):
    assert_refused(sleepgate("demo", recording("EEG Fpz-Cz", seconds=20)), "no epoch")


def test_a_model_that_is_none(sleepgate, recording, tmp_path):
    path = recording("EEG Fpz-Cz")
    model = tmp_path / "model.tflite"
    model.write_bytes(b"not a model")
    result = sleepgate("score", path, "--model", model)
    assert_refused(result, str(model), code=5)
    assert result.stdout == ""


def test_a_configuration_with_many_mistakes(sleepgate, tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text(
        "devices:\n  - {name: a, driver: muse9}\n"
        "outputs:\n  mqtt:\n    port: '1883'\n  mqqt: {}\nble: {bakend: bluez}\n"
    )
    result = sleepgate("config", "check", path)
    assert_refused(result, f"{path}:7: ble.bakend: unknown key; backend?")
    path.write_text(path.read_text().replace("ble: {bakend: bluez}\n", ""))
    for verb in (("config", "check", path), ("run", "--config", path)):
        assert_refused(
            sleepgate(*verb),
            f"{path}:2: devices[0].driver: no 'muse9'",
            f"{path}:5: outputs.mqtt.port: expected int, got '1883'",
            f"{path}:6: outputs.mqqt: no 'mqqt'; there are",
        )


def test_a_headband_whose_microvolts_nobody_knows(sleepgate, tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text("devices:\n  - {name: a, driver: npg_lite}\n")
    result = sleepgate("config", "check", path)
    assert_refused(result, f"{path}:2: devices[0].lsb_uv: missing: npg_lite")
    path.write_text("devices:\n  - {name: a, driver: npg_lite, lsb_uv: 0}\n")
    assert_refused(sleepgate("config", "check", path), "devices[0].lsb_uv: 0 are not")
    path.write_text("devices:\n  - {name: a, driver: npg_lite, lsb_uv: 0.4}\n")
    assert sleepgate("config", "check", path).returncode == 0


@pytest.mark.parametrize("text", ["", "devices: []\n", "devices:\n# - name: a\n"])
def test_a_configuration_without_a_headband_is_good_and_names_the_next_step(
    sleepgate, tmp_path, text
):
    path = tmp_path / "c.yaml"
    path.write_text(text)
    result = sleepgate("config", "check", path)
    assert result.returncode == 0
    assert result.stdout == f"{path}: good (no headband yet)\n"
    step = f"pair --auto --name bedroom --config {path}\n"
    assert result.stderr.startswith("next: ")
    assert result.stderr.endswith(step)


def test_a_missing_configuration(sleepgate, tmp_path):
    path = tmp_path / "none.yaml"
    assert_refused(
        sleepgate("run", "--config", path), f"no configuration {path} yet", "next: "
    )


def test_a_good_configuration(sleepgate):
    shipped = Path(__file__).parents[2] / "config" / "sleepgate.yaml"
    result = sleepgate("config", "check", shipped)
    assert (result.returncode, result.stdout) == (
        0,
        f"{shipped}: good (no headband yet)\n",
    )


def test_a_busy_port_for_the_broker(sleepgate):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        result = sleepgate("demo", "--hours", "0.01", "--port", port)
    assert_refused(result, str(port))


def test_the_simulator_without_its_radio(sleepgate):
    result = sleepgate(
        *("sim", "--synthetic", "--hours", "0.01", "--transport", "unix:/no/such")
    )
    assert_refused(result, "/no/such", code=3)


def test_the_simulator_with_a_radio_of_an_unknown_kind(sleepgate):
    result = sleepgate(
        *("sim", "--synthetic", "--hours", "0.01", "--transport", "pigeon:1")
    )
    assert_refused(result, "pigeon", code=2)


def test_the_simulator_wants_one_recording(sleepgate):
    assert_refused(sleepgate("sim", "--transport", "unix:/x"), "--synthetic")


@pytest.mark.skipif(find_spec("bumble") is None, reason="nothing to take away")
def test_no_simulator_installed(sleepgate, tmp_path):
    for verb in ("demo", "sim"):
        more = ("--transport", "unix:/x", "--synthetic") if verb == "sim" else ()
        result = sleepgate(verb, "--hours", "0.01", *more, without=["bumble"])
        assert_refused(result, ".[sim]")
    config = tmp_path / "c.yaml"
    config.write_text(
        "devices: [{name: a}]\nble: {backend: simulated, transport: 'unix:/x'}\n"
    )
    result = sleepgate("run", "--config", config, without=["bumble"])
    assert_refused(result, ".[sim]")


def test_an_edf_is_scored_without_any_extra(sleepgate, recording):
    path = recording("EEG Fpz-Cz")
    result = sleepgate("score", path, without=["edfio", "mne", "pyedflib", "scipy"])
    assert result.returncode == 0, result.stderr
    assert len(result.stdout.splitlines()) == 3  # two epochs and the summary


def test_the_card_of_the_shipped_model_says_what_it_is_not_for(sleepgate):
    result = sleepgate("model", "info", "--all")
    assert result.returncode == 0, result.stderr
    assert "not a medical device" in " ".join(result.stdout.split())


def test_the_card_of_no_model(sleepgate, tmp_path):
    assert_refused(sleepgate("model", "info", tmp_path / "x"), "x", code=5)
