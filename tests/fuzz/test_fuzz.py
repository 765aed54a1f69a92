"""The fuzzer's own test: it reaches the decoders, and it finds what is there."""

import subprocess
import sys
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway import drivers
from gateway.acquisition.packets import Battery, SamplePacket
from tests.fuzz import mutate, seeds, session
from tests.fuzz.session import Step

STEPS = st.builds(Step, *[st.integers(0, 255)] * 2, st.binary(max_size=40))
EVERY_DRIVER = pytest.mark.parametrize("name", drivers.names())


@given(st.lists(STEPS), st.booleans())
def test_a_session_is_read_back(steps, answers):
    data = session.write(steps, answers=answers)
    assert session.read(data) == (answers, steps)


@EVERY_DRIVER
def test_every_seed_is_decoded(name):
    driver = drivers.load(name)
    for data in seeds.examples(name):
        assert session.run(driver, data) > 0


@EVERY_DRIVER
@settings(max_examples=50)
@given(data=st.binary(max_size=300))
def test_any_bytes_are_a_session(name, data):
    session.run(drivers.load(name), data)


@EVERY_DRIVER
def test_mutated_sessions_find_nothing(name):
    driver, corpus = drivers.load(name), seeds.seeds(name)
    for data in islice(mutate.sessions(corpus, seed=2), 150):
        session.run(driver, data)


@EVERY_DRIVER
def test_what_was_found_once_stays_mended(name):
    for path in seeds.regressions(name):
        session.run(drivers.load(name), path.read_bytes())


class Careless:
    """A decoder that indexes before it measures."""

    def feed(self, notification):
        yield Battery(notification.payload[1] % 101)


def test_a_careless_decoder_is_found_out():
    driver = replace(drivers.load("npg_lite"), decoder=lambda info: Careless())

    def play():
        for data in islice(mutate.sessions(seeds.seeds("npg_lite"), seed=3), 500):
            session.run(driver, data)

    with pytest.raises(IndexError):
        play()


@pytest.mark.parametrize(
    "value",
    [
        None,
        Battery(101),
        SamplePacket(0, 0, np.zeros((3, 4), np.int64), 0.0),
        SamplePacket(0, 0, np.zeros((2, 4), np.int32), 0.0),
        SamplePacket(0, 0, np.zeros((3, 0), np.int32), 0.0),
        SamplePacket(0, -1, np.zeros((3, 4), np.int32), 0.0),
        SamplePacket(0, 0, np.zeros((3, 4), np.int32), 9.0),
    ],
)
def test_a_value_that_cannot_be_worked_with_is_a_finding(value):
    info, _ = session.example("npg_lite")
    with pytest.raises(AssertionError):
        session.check(value, info, 1.0)


def test_the_runner_says_when_it_does_without_coverage(tmp_path):
    root = Path(__file__).parents[2]
    (tmp_path / "sitecustomize.py").write_text(
        "import sys; sys.modules['atheris'] = None\n"
    )
    path = f"{tmp_path}:{root}"
    ended = subprocess.run(
        [sys.executable, "-m", "tests.fuzz", "diy", "--minutes", "0.01"],
        check=True,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={"PYTHONPATH": path},
    )
    without, result = ended.stdout.splitlines()
    assert "without coverage" in without
    assert "nothing found" in result
