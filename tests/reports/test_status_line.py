"""Link, stage and loss of every headband on one line."""

from gateway.acquisition.loss_counts import LossCounts
from gateway.ble.link_state import LinkState
from gateway.ble.link_stats import LinkReading, LinkStats
from gateway.reports.status_line import StatusLine
from gateway.staging.stage import Refusal, Stage


def test_link_stage_and_loss_are_those_of_the_newest_output(scored):
    line = StatusLine()
    line.add("bedroom", LinkReading(LinkState.SCANNING, LinkStats()))
    assert str(line) == "bedroom: scanning"
    line.add("bedroom", LinkReading(LinkState.STREAMING, LinkStats()))
    line.add("bedroom", scored(411).value)
    line.add("bedroom", scored(412, Stage.R).value)
    line.add("bedroom", LossCounts(lost_s=1.25))
    assert str(line) == "bedroom: streaming, epoch 412 REM 84 %, 1.2 s lost"


def test_an_epoch_without_a_stage_shows_why(scored):
    line = StatusLine()
    line.add("bedroom", scored(7, Refusal.OFF_HEAD).value)
    assert "unscored (off_head)" in str(line)
    assert "N2" not in str(line)


def test_two_sleepers_stand_side_by_side(scored):
    line = StatusLine()
    line.add("guest", LinkReading(LinkState.WAITING, LinkStats()))
    line.add("bedroom", LinkReading(LinkState.STREAMING, LinkStats()))
    line.add("bedroom", scored(0).value)
    assert (
        str(line) == "bedroom: streaming, epoch 0 N2 84 %, 0.0 s lost; guest: waiting"
    )
