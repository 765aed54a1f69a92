"""A few of the kills that scripts/test-recording does a thousand of."""

import random

import edfio
import pytest

from tests.acceptance.recording.kill import killed, one_night, record
from tests.acceptance.recording.night import (
    DEVICE,
    SESSION,
    recording_errors,
    second,
    stages_in,
    stages_of,
)


def read(path):
    edf = edfio.read_edf(path)
    assert len(edf.annotations)
    yield from ()


@pytest.mark.parametrize("seed", range(6))
def test_a_night_killed_twice_is_one_whole_file(tmp_path, seed):
    wrong = [*one_night(tmp_path, random.Random(seed), 130, read)]  # noqa: S311
    assert wrong == []
    assert len([*tmp_path.glob("*.edf")]) == 1


def test_the_rig_would_notice(tmp_path):
    """A night is judged wrong when its hole is not where it is."""
    victim = killed(tmp_path, 0, 130, 100, 0.5)
    assert victim.was_killed
    record(tmp_path, victim.second + 10, 130, lambda *_: None)
    (path,) = tmp_path.glob("*.edf")
    assert [*recording_errors(path, [], 130)]


def test_a_night_that_nobody_kills_is_all_there(tmp_path):
    record(tmp_path, 0, 130, lambda *_: None)
    (path,) = tmp_path.glob(f"*_{DEVICE}_{SESSION}.edf")
    assert [*recording_errors(path, [], 130)] == []
    assert stages_in(path) == stages_of(4)
    lost = [n for n in range(130) if not second(n).present[0].all()]
    assert lost
