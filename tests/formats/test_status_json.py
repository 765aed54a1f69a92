"""Whatever a night brings, its status keeps to the schema and can be read."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from gateway.acquisition.loss_counts import LossCounts
from gateway.acquisition.packets import Battery
from gateway.ble.link_state import LinkReading, LinkState, LinkStats
from gateway.formats.status_json import (
    DaemonStatus,
    OutputStatus,
    status_document,
)
from gateway.host.vitals import Vitals
from gateway.messages.device_state import DeviceState
from gateway.messages.outputs import Availability, Reading, RecordingState, SessionState
from gateway.preprocessing.signal_quality import ABSENT, Flaw, Quality
from gateway.reports.status_text import (
    LineTone,
    StatusTextLine,
    duration_text,
    status_lines,
)
from gateway.staging.scored_epoch import ScoredEpoch
from gateway.staging.sleep_statistics import summarise
from gateway.staging.stage import Refusal, Stage

SCHEMA = json.loads(
    (
        Path(__file__).parents[2] / "gateway" / "formats" / "schemas" / "status.v1.json"
    ).read_text()
)
NOW = datetime(2026, 2, 13, 2, 27, tzinfo=UTC)
CHANNELS = ("EEG Fpz-Cz", "EOG horizontal")
DAEMON = DaemonStatus(
    version="1.2.3",
    pid=42,
    config="/etc/sleepgate/sleepgate.yaml",
    model=("m", "9f2c41d07a6b"),
    started=NOW,
    uptime_s=3600,
    vitals=Vitals(61.2, 1.0, None, None, None, 12_000.0),
    clock_synchronised=True,
)
OUTPUT = OutputStatus("mqtt", well=True, words="connected to localhost:1883", facts={})

unit = st.floats(0, 1)
qualities = st.tuples(
    *[
        st.builds(Quality, st.frozensets(st.sampled_from(Flaw)), unit, unit)
        for _ in CHANNELS
    ]
)
epochs = st.builds(
    ScoredEpoch,
    index=st.integers(0, 3000),
    start_utc=st.just(NOW),
    stage=st.sampled_from([*Stage, *Refusal]),
    hypnodensity=st.just((0.1, 0.1, 0.6, 0.1, 0.1)),
    quality=qualities,
    asleep=st.none() | st.booleans(),
    t_rx=unit,
)
values = st.one_of(
    st.builds(Availability, st.booleans(), st.text(max_size=9)),
    st.builds(Battery, st.integers(0, 100)),
    st.builds(
        LinkReading, st.sampled_from(LinkState), st.builds(LinkStats, drops=st.just(3))
    ),
    st.builds(LossCounts, lost_s=st.floats(0, 1e6), bad_packets=st.integers(0, 9)),
    st.builds(SessionState, st.sampled_from(RecordingState), st.none() | st.just(NOW)),
    epochs,
    st.just(summarise([Stage.N2])),
)


def reading(value, session="S1"):
    return Reading("bedroom", session, "m", "9f2c41d07a6b", CHANNELS, value)


def status(*values, daemon=DAEMON, output=OUTPUT):
    state = DeviceState(device="bedroom")
    for value in values:
        state = state.add(reading(value))
    return status_document(daemon, [state], [output], NOW)


def test_the_schema_is_one():
    Draft202012Validator.check_schema(SCHEMA)


@given(st.lists(values, max_size=12))
def test_any_night_keeps_to_the_schema_and_can_be_shown(heard):
    document = json.loads(json.dumps(status(*heard), allow_nan=False))
    Draft202012Validator(SCHEMA).validate(document)
    lines = status_lines(document)
    assert all(
        isinstance(line, StatusTextLine) and line.text.isprintable() for line in lines
    )


def scored(stage=Stage.N2, index=9):
    density = (0.0, 0.0, 1.0, 0.0, 0.0) if isinstance(stage, Stage) else ()
    quality = tuple(Quality(frozenset(), 0.0, score) for score in (0.9, 0.2))
    return ScoredEpoch(index, NOW, stage, density, quality, None, 0.0)


def test_the_stage_shown_is_the_newest_with_its_quality_and_loss():
    device = status(scored(Stage.W, 8), scored(Stage.R), LossCounts(lost_s=3.0))[
        "devices"
    ][0]
    assert device["epoch"]["stage"] == "REM"
    assert device["epoch"]["index"] == 9
    assert device["epoch"]["quality"] == {"EEG Fpz-Cz": 0.9, "EOG horizontal": 0.2}
    assert device["lost_pct"] == 1.0  # of ten epochs


def test_times_are_those_of_the_reader():
    document = status(scored())
    shown = [line.text for line in status_lines(document, ZoneInfo("Asia/Tokyo"))]
    assert any("epoch 9 of 2026-02-13 11:27:00" in text for text in shown)


def test_a_derivation_that_the_headband_has_not_is_not_called_bad():
    epoch = replace(scored(), quality=(Quality(frozenset(), 0, 0.9), ABSENT))
    document = status(epoch)
    assert document["devices"][0]["epoch"]["quality"]["EOG horizontal"] is None
    assert any("EOG horizontal absent" in line.text for line in status_lines(document))


def test_what_failed_last_is_the_reason_until_samples_arrive():
    failed = LinkReading(
        LinkState.WAITING, LinkStats(), "Bluetooth is blocked by rfkill"
    )
    document = status(Availability(online=False, reason="lost"), failed)
    assert document["devices"][0]["reason"] == "Bluetooth is blocked by rfkill"
    document = status(failed, Availability(online=True, reason="samples arrive"))
    assert document["devices"][0]["reason"] == "samples arrive"


def test_a_refused_epoch_shows_its_reason_and_no_stage():
    document = status(scored(Refusal.OFF_HEAD))
    assert document["devices"][0]["epoch"]["stage"] is None
    assert document["devices"][0]["epoch"]["reason"] == "off_head"
    assert any("unscored (off_head)" in line.text for line in status_lines(document))


@pytest.mark.parametrize(
    "end",
    [SessionState(RecordingState.ENDED), summarise([Stage.N2])],
    ids=["state", "sum"],
)
def test_a_session_that_has_ended_does_not_run(end):
    before, after = (
        status(SessionState(RecordingState.RECORDING, NOW), *more)["devices"][0][
            "session"
        ]
        for more in ((), (end,))
    )
    assert before == {
        "state": "recording",
        "id": "S1",
        "started": "2026-02-13T02:27:00.000Z",
    }
    assert after == {"state": "none", "id": None, "started": None}


def test_a_new_session_forgets_the_epochs_and_losses_of_the_one_before():
    state = DeviceState(device="bedroom")
    state = state.add(reading(scored()))
    state = state.add(reading(LossCounts(lost_s=3.0)))
    state = state.add(reading(Battery(70), session="S2"))
    device = status_document(DAEMON, [state], [], NOW)["devices"][0]
    assert (device["epoch"], device["lost_s"], device["battery_pct"]) == (None, 0, 70)


def tone_of(document, word):
    (line,) = (line for line in status_lines(document) if word in line.text)
    return line.tone


def test_what_is_wrong_is_not_shown_as_well():
    assert (
        tone_of(status(Availability(online=False, reason="gone")), "gone")
        is LineTone.BAD
    )
    away = OutputStatus("mqtt", well=False, words="no connection to x:1", facts={})
    assert tone_of(status(output=away), "no connection") is LineTone.BAD
    assert tone_of(status(scored(), LossCounts(lost_s=30)), "lost") is LineTone.WARNING
    unset = replace(DAEMON, clock_synchronised=False, restart_required=("ble",))
    assert tone_of(status(daemon=unset), "not synchronised") is LineTone.WARNING
    assert tone_of(status(daemon=unset), "after a restart: ble") is LineTone.WARNING


def test_a_duration_is_short():
    assert [duration_text(s) for s in (5, 65, 11_520)] == [
        "5 s",
        "1 min 5 s",
        "3 h 12 min",
    ]
