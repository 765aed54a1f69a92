"""Link, stage and loss of every headband on one line."""

from dataclasses import replace

from gateway.acquisition.loss_counts import LossCounts
from gateway.ble.link_state import LinkReading, LinkState, LinkStats
from gateway.messages.device_state import DeviceState
from gateway.reports.status_line import status_line
from gateway.staging.stage import Refusal, Stage


def state_of(*readings, device="bedroom"):
    state = DeviceState(device=device)
    for reading in readings:
        state = state.add(replace(reading, device=device))
    return state


def test_link_stage_and_loss_are_those_of_the_newest_output(scored, reading):
    scanning = reading(LinkReading(LinkState.SCANNING, LinkStats()))
    assert status_line([state_of(scanning)]) == "bedroom: scanning"
    state = state_of(
        scanning,
        reading(LinkReading(LinkState.STREAMING, LinkStats())),
        scored(411),
        scored(412, Stage.R),
        reading(LossCounts(lost_s=1.25)),
    )
    assert status_line([state]) == "bedroom: streaming, epoch 412 REM 84 %, 1.2 s lost"


def test_an_epoch_without_a_stage_shows_why(scored):
    line = status_line([state_of(scored(7, Refusal.OFF_HEAD))])
    assert "unscored (off_head)" in line
    assert "N2" not in line


def test_two_sleepers_stand_side_by_side(scored, reading):
    waiting = reading(LinkReading(LinkState.WAITING, LinkStats()))
    streaming = reading(LinkReading(LinkState.STREAMING, LinkStats()))
    states = [state_of(waiting, device="guest"), state_of(streaming, scored(0))]
    assert (
        status_line(states)
        == "bedroom: streaming, epoch 0 N2 84 %, 0.0 s lost; guest: waiting"
    )
