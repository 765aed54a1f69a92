"""The training commands as a person types them."""

import subprocess
import sys

import pytest
from click.testing import CliRunner

from tests.support.sleep_edf_files import write_night
from training.__main__ import main
from training.sleep_edf.commands import command


def run(*words):
    return subprocess.run(
        [sys.executable, "-m", "training", *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.parametrize(
    ("words", "code", "reason"),
    [
        (["sleep-edf", "prepare", "{folder}"], 2, "no *-PSG.edf; fetch them first"),
        (["sleep-edf", "train", "{folder}"], 2, "no prepared nights"),
        (["evaluate", "default"], 2, "name recordings or folders"),
        (["evaluate", "{folder}/x.tflite", "{folder}"], 5, "x.tflite"),
    ],
)
def test_what_is_missing_is_reported_in_one_line(tmp_path, words, code, reason):
    result = run(*(word.format(folder=tmp_path) for word in words))
    assert result.returncode == code
    assert reason in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("lacking", "words"),
    [
        ("matplotlib", ["evaluate", "default", ".", "--out", "figures"]),
        ("tensorflow", ["train", "--data", ".", "--work", ".", "--out", "x.tflite"]),
    ],
)
def test_without_the_extra_its_name_is_reported_at_once(monkeypatch, lacking, words):
    monkeypatch.setitem(sys.modules, lacking, None)  # as if it were not installed
    monkeypatch.delitem(sys.modules, "training.evaluate.plots", raising=False)
    monkeypatch.delitem(sys.modules, "training.network.validation_sets", raising=False)
    monkeypatch.delitem(sys.modules, "training.network.train", raising=False)
    monkeypatch.setattr(sys, "argv", ["training", *words])
    with pytest.raises(SystemExit, match=rf"{lacking}: pip install '.\[training\]'"):
        main()


def test_a_folder_is_prepared_and_its_stages_are_counted(tmp_path):
    raw = tmp_path / "raw"
    raw.mkdir()
    write_night(raw, "SC4001", "WW122R", quiet=[3])
    result = CliRunner().invoke(command, ["prepare", str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert "1 nights: W 2, N1 1, N2 1, N3 0, R 1; 1 epochs unfit" in result.stdout
    assert (tmp_path / "prepared" / "SC4001" / "uv.npy").exists()
