"""A night through a board's packets is staged as the recording itself."""

from datetime import UTC, datetime

import numpy as np
import pytest

from gateway import drivers
from gateway.acquisition.packets import ClockTick, LinkUp
from gateway.models.load import read_model
from gateway.offline import score_recording
from gateway.session.pipeline import Night, Pipeline
from gateway.staging.scored_epoch import ScoredEpoch
from sim.device import DeviceSettings
from sim.devices import load
from sim.devices.npg_lite import LSB_UV
from sim.night.synthetic_night import synthetic_night

HOURS = 0.1
BOARDS = {"ganglion": None, "npg_lite": LSB_UV}  # microvolts that it does not say


@pytest.fixture(scope="module")
def scorer():
    return read_model("default")


@pytest.mark.parametrize("name", BOARDS)
def test_probabilities_are_those_of_the_recording(talk, scorer, name):
    night, _ = synthetic_night(seed=1, hours=HOURS)
    driver = drivers.calibrated(drivers.load(name), BOARDS[name])
    pipeline = Pipeline(driver, Night(scorer, {}, 50.0, driver.derivations))
    talking = talk(load(name)(night, DeviceSettings()))
    info = talking.shake_hands(driver)
    talking.listen(night.duration_s)
    start = ClockTick(0.0, datetime(2026, 1, 1, tzinfo=UTC), synchronised=True)
    inputs = [start, LinkUp(0.0, info), *talking.notifications]
    live = [output for value in inputs for output in pipeline.push_input(value)]
    assert pipeline.loss_counts.lost_s == pipeline.loss_counts.bad_packets == 0
    recorded = score_recording.score(night, Night(scorer, {}, 50.0))
    found, expected = map(hypnodensities, (live, recorded))
    assert len(found) >= len(expected) - 1  # the last packet may want another sample
    np.testing.assert_allclose(found, expected[: len(found)], atol=0.05)


def hypnodensities(outputs):
    return [o.hypnodensity for o in outputs if isinstance(o, ScoredEpoch)]
