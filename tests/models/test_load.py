"""A model is tried before this machine's first night with it, in a process apart."""

import platform
import sys
from dataclasses import replace
from importlib.resources import files

import pytest

from gateway.errors import ModelError
from gateway.models import load as model_file
from gateway.models import trial as model_trial
from gateway.models import tried_models
from gateway.models.load import read_model, try_model
from gateway.models.model_file import DEFAULT
from gateway.models.trial import DeadlyModelError, try_package
from gateway.staging.model_card import pack, read_context, unpack
from gateway.staging.scorers.litert import Kernels, LiteRtScorer

PACKAGE = (files("gateway") / "models" / DEFAULT).read_bytes()
DIES = "import os, signal; os.kill(os.getpid(), signal.{})"
MOST = DIES.format("SIGSEGV")


@pytest.fixture(autouse=True)
def _new_machine(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def own(tmp_path):
    """Return the path of a model that is not the packaged one."""
    flatbuffer, card = unpack(PACKAGE, DEFAULT)
    path = tmp_path / "own.tflite"
    head = read_context(PACKAGE, DEFAULT)
    path.write_bytes(pack(flatbuffer, replace(card, name="own"), head=head))
    return path


@pytest.fixture
def trials(monkeypatch):
    """Return the sources of all trials; each is still made."""
    made = []

    def noted(package, source, *more):
        made.append(source)
        return try_package(package, source, *more)

    monkeypatch.setattr(model_file, "try_package", noted)
    return made


def dies(monkeypatch, program=MOST, only=None):
    """Have every trial's process do this instead, or that of the source `only`."""

    def tried(package, source, *more):
        if only is None or source == only:
            with monkeypatch.context() as patch:
                patch.setattr(model_trial, "PROGRAM", program)
                return try_package(package, source, *more)
        return try_package(package, source, *more)

    monkeypatch.setattr(model_file, "try_package", tried)


# --- once ---


def test_a_model_is_tried_once_and_another_once_more(trials, own):
    read_model("default")
    read_model("default")
    assert trials == [DEFAULT]
    read_model(str(own))
    assert trials == [DEFAULT, str(own)]


def test_what_was_verified_is_tried(trials):
    try_model("default")
    read_model("default")
    assert trials == [DEFAULT]


def test_another_runtime_or_machine_is_another_trial(trials, monkeypatch):
    read_model("default")
    with monkeypatch.context() as patch:
        patch.setattr(tried_models, "runtime_name", lambda: "tflite-runtime 9.9")
        read_model("default")
    with monkeypatch.context() as patch:
        patch.setattr(platform, "machine", lambda: "riscv64")
        read_model("default")
    assert len(trials) == 3
    read_model("default")
    assert len(trials) == 3


def test_a_card_that_moved_to_another_processor_is_another_trial(
    trials, monkeypatch, tmp_path
):
    for features in ("fp asimd", "fp asimd asimddp"):
        info = tmp_path / "cpuinfo"
        info.write_text(f"processor\t: 0\nFeatures\t: {features}\n")
        monkeypatch.setattr(tried_models, "CPUINFO", info)
        read_model("default")
    assert len(trials) == 2


def test_without_a_place_for_the_note_it_is_tried_each_time(
    trials, monkeypatch, tmp_path
):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    for _ in range(2):
        assert read_model("default").card.name in DEFAULT
    assert len(trials) == 2


def test_the_service_notes_it_in_its_own_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "service"))
    read_model("default")
    (note,) = (tmp_path / "service" / tried_models.FOLDER).iterdir()
    assert platform.machine() in note.read_text()


def test_where_no_process_can_be_had_a_model_is_used_all_the_same(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    assert read_model("default").card.name in DEFAULT
    with pytest.raises(ModelError, match="no process to try it in"):
        try_model("default")
    assert not tried_models.is_tried(PACKAGE)


def test_a_file_that_is_no_model_is_refused_without_a_trial(trials, tmp_path):
    path = tmp_path / "m.tflite"
    path.write_bytes(PACKAGE[:9000])
    with pytest.raises(ModelError, match="truncated"):
        read_model(str(path))
    assert not trials


# --- what is run ---


@pytest.mark.parametrize("method", ["logits", "head_logits"])
@pytest.mark.parametrize("kernels", Kernels)
def test_graph_and_head_are_run_even_without_golden_vectors(
    own, monkeypatch, method, kernels
):
    def fail(self, codes):
        raise ModelError(f"{method} was run")

    monkeypatch.setattr(LiteRtScorer, method, fail)
    with pytest.raises(ModelError, match=f"^{method} was run"):
        model_trial._tried(own.read_bytes(), "own", [kernels])  # noqa: SLF001 (here)


def test_it_is_run_in_a_process_apart(monkeypatch):
    def fail(self, codes):
        raise AssertionError

    monkeypatch.setattr(LiteRtScorer, "logits", fail)
    read_model("default")


# --- a death is a sentence ---


def test_a_crash_names_file_runtime_machine_and_signal(monkeypatch):
    dies(monkeypatch)
    with pytest.raises(DeadlyModelError) as told:
        read_model("default")
    runtime = model_trial.runtime_name()
    words, _, step = str(told.value).partition("\nnext: ")
    died = f"{DEFAULT}: {runtime} on {platform.machine()} dies of it (SIGSEGV)"
    assert words == died
    assert "sleepgate version" in step
    assert "default" not in step


def test_a_crash_is_not_remembered(monkeypatch):
    with monkeypatch.context() as patch:
        dies(patch)
        with pytest.raises(DeadlyModelError):
            read_model("default")
    assert read_model("default").card.name in DEFAULT


def test_the_packaged_model_is_the_next_step_where_it_works(monkeypatch, own):
    dies(monkeypatch, only=str(own))
    for verb in (read_model, try_model):
        with pytest.raises(DeadlyModelError, match="the packaged model works here"):
            verb(str(own))


def test_the_packaged_model_is_no_next_step_where_it_dies_too(monkeypatch, own):
    dies(monkeypatch)
    with pytest.raises(DeadlyModelError) as told:
        read_model(str(own))
    assert str(told.value).startswith(f"{own}: ")
    assert "packaged model" not in str(told.value)


@pytest.mark.parametrize(
    ("runtime", "machine", "pip", "offered"),
    [
        ("tflite-runtime 2.14.0", "aarch64", True, True),
        ("tflite-runtime 2.14.0", "armv7l", True, False),
        ("tflite-runtime 2.14.0", "aarch64", False, False),
        ("ai-edge-litert 2.3.0", "aarch64", True, False),
    ],
)
def test_another_runtime_is_offered_only_where_it_can_be_had(
    monkeypatch, runtime, machine, pip, offered
):
    monkeypatch.setattr(model_file, "runtime_name", lambda: runtime)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    monkeypatch.setattr(model_file, "find_spec", lambda name: pip or None)
    step = model_file._next_step("default")  # noqa: SLF001 (the whole table)
    assert ("ai-edge-litert" in step) is offered
    assert "please report it" in step


def test_one_that_was_killed_for_memory_may_be_tried_again(monkeypatch):
    dies(monkeypatch, DIES.format("SIGKILL"))
    with pytest.raises(ModelError, match=r"killed \(SIGKILL\).*\nnext: .*free"):
        read_model("default")


def test_a_trial_that_fails_otherwise_says_its_last_words(monkeypatch):
    dies(monkeypatch, "raise SystemExit('no room')")
    with pytest.raises(ModelError, match="cannot be tried: exit code 1: no room"):
        read_model("default")


def test_one_that_stalls_the_runtime_is_not_waited_for_for_ever(monkeypatch):
    monkeypatch.setattr(model_trial, "PATIENCE_S", 0.1)
    dies(monkeypatch, "import signal; signal.pause()")
    with pytest.raises(DeadlyModelError, match="stalls over it"):
        read_model("default")
