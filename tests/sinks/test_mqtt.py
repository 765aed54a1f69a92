"""The MQTT sink against a real mosquitto that comes, goes and says no."""

import asyncio
import logging
import signal
import sys
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
from paho.mqtt import publish

from gateway.acquisition.loss_counts import LossCounts
from gateway.acquisition.montage import HeadbandInfo, Montage
from gateway.acquisition.packets import Battery
from gateway.ble.link_state import LinkReading, LinkState, LinkStats
from gateway.config.schema import parse
from gateway.errors import ConfigError
from gateway.formats.json_fields import utc_text
from gateway.journal.options import JournalOptions
from gateway.messages.control import Control
from gateway.messages.feed import Feed
from gateway.messages.outputs import (
    Availability,
    NightEpochs,
    RecordingState,
    SessionState,
    SignalBegins,
)
from gateway.mqtt import bridge
from gateway.mqtt.options import LANES, MqttOptions
from gateway.preprocessing.contact_state import ContactState
from gateway.preprocessing.electrode_contact import Contact
from gateway.preprocessing.headband_fit import Contacts, ElectrodeFit, ModelInput
from gateway.sinks import load
from gateway.sinks.mqtt import run
from gateway.staging.events import EventKind, SleepEvent
from gateway.staging.sleep_statistics import summarise
from gateway.staging.stage import Refusal, Stage
from sim.local_broker import LocalBroker
from tests.support.mqtt_contract import check_all

pytestmark = pytest.mark.integration

NIGHT = 960
NIGHT_UTC = datetime(2026, 2, 12, 23, 1, tzinfo=UTC)
RUNTIMES = ("ai-edge-litert", "tflite-runtime")
HERE = Availability(online=True, reason="samples arrive")
PUBLISHER = """
import asyncio, sys
from gateway.messages.feed import Feed
from gateway.mqtt.options import MqttOptions
from gateway.sinks.mqtt import run
asyncio.run(run(MqttOptions(host="127.0.0.1", port=int(sys.argv[1])), Feed(4)))
"""


@asynccontextmanager
async def running(broker, **options):
    """A sink with an open feed; leaving closes the feed and waits for the sink."""
    feed = Feed(depth=4096)
    given = MqttOptions(host=broker.host, port=broker.port, **options)
    sink = asyncio.create_task(run(given, feed))
    try:
        yield feed
    finally:
        feed.close()
        await sink


def epochs_of(listener):
    return [stage["epoch"] for stage in listener.stages()]


def test_the_sink_is_found_by_name():
    assert load("mqtt").run is run


def test_wrong_options_are_all_reported_at_once_without_the_password():
    wrong = {"host": "", "port": 0, "base_topic": "a/#", "password": "secret"}
    with pytest.raises(ConfigError) as caught:
        parse(wrong, MqttOptions, "outputs.mqtt.")
    named = [problem.split(":")[0] for problem in caught.value.problems]
    assert named == [f"outputs.mqtt.{n}" for n in ("host", "base_topic", "port")] + [
        "outputs.mqtt.username"
    ]
    assert "secret" not in str(caught.value)
    assert parse({"port": 1884}, MqttOptions, "outputs.mqtt.") == MqttOptions(port=1884)


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
async def test_a_whole_night_arrives_in_order_and_once(
    broker, listening, until, scored, protocol
):
    async with listening(broker) as listener:
        async with running(broker, protocol=protocol) as feed:
            for index in range(NIGHT):
                feed.put(scored(index))
        await until(lambda: len(listener.stages()) >= NIGHT, "the night")
        await until(lambda: len(listener.epochs()) >= NIGHT, "the journal's night")
    for lane in (listener.stages(), listener.epochs()):
        assert [epoch["epoch"] for epoch in lane] == list(range(NIGHT))
        assert [epoch["seq"] for epoch in lane] == list(range(NIGHT))
    assert feed.dropped == 0


async def test_a_night_tells_its_state_from_online_to_offline(
    broker, listening, until, reading, scored
):
    night = summarise([Stage.W, Stage.N2, Refusal.GAP])
    async with listening(broker) as listener:
        async with running(broker) as feed:
            feed.put(reading(HERE))
            feed.put(scored(0, Stage.R))
            feed.put(scored(1, Refusal.GAP))
            feed.put(reading(night))
        await until(lambda: len(listener.on("/bridge/state")) > 1, "the farewell")
    said = [
        (heard.topic.removeprefix("sleepgate/"), heard)
        for heard in listener.heard
        if heard.topic.endswith(("state", "/availability", "/stage", "/summary"))
    ]
    assert [topic for topic, _ in said] == [
        "bridge/state",
        "bedroom/availability",
        "bedroom/stage",
        "bedroom/stage",
        "bedroom/summary",
        "bedroom/availability",
        "bridge/state",
    ]
    payloads = [heard.payload for _, heard in said]
    assert payloads[:2] == [b"online", b"online"]
    assert payloads[-2:] == [b"offline", b"offline"]
    assert [stage["stage"] for stage in listener.stages()] == ["REM", None]
    assert [epoch["stage"] for epoch in listener.epochs()] == ["REM", None]
    assert listener.on("/summary")[0].document["tst_min"] == 0.5


async def test_a_retained_stage_is_there_for_the_next_listener_and_expires(
    broker, listening, scored, until
):
    async with running(broker, stage_expiry_s=2) as feed:
        async with listening(broker) as first:
            feed.put(scored(7))
            await until(first.stages, "the stage")
        async with listening(broker) as second:
            assert [heard.retained for heard in second.on("/stage")] == [True]
        for _ in range(100):
            async with listening(broker) as later:
                if not later.on("/stage"):
                    break
            await asyncio.sleep(0.1)
        assert not later.on("/stage")
        assert [heard.payload for heard in later.on("/state")] == [b"online"]


async def test_without_expiry_on_mqtt_3_a_stage_is_not_retained(
    broker, listening, reading, scored, until
):
    async with running(broker, protocol="3.1.1") as feed:
        async with listening(broker, protocol="3.1.1") as first:
            feed.put(reading(HERE))
            feed.put(scored(7))
            await until(first.stages, "the stage")
        async with listening(broker, protocol="3.1.1") as second:
            assert not second.on("/stage")
            assert [heard.payload for heard in second.on("/availability")] == [
                b"online"
            ]


async def test_a_killed_gateway_leaves_its_will(broker, listening, until):
    async with listening(broker) as listener:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", PUBLISHER, str(broker.port)
        )
        await until(lambda: listener.on("/bridge/state"), "online")
        process.send_signal(signal.SIGKILL)
        await process.wait()
        await until(lambda: len(listener.on("/bridge/state")) > 1, "the will")
    said = [heard.payload for heard in listener.on("/bridge/state")]
    assert said == [b"online", b"offline"]


async def test_an_outage_of_the_broker_costs_nothing_and_comes_late(
    broker, listening, scored, caplog, until
):
    third = 20
    async with listening(broker) as listener, running(broker) as feed:
        for index in range(third):
            feed.put(scored(index))
        await until(lambda: len(listener.epochs()) == third, "a third")
        await broker.kill()
        await until(lambda: "lost the broker" in caplog.text, "the loss")
        for index in range(third, 3 * third):
            feed.put(scored(index))
        await asyncio.sleep(0)  # the sink has a look at its feed
        await broker.start()
        await until(lambda: len(listener.epochs()) == 3 * third, "the missed")
        feed.put(scored(3 * third))
        await until(lambda: len(listener.epochs()) == 3 * third + 1, "the next")
    everything = list(range(3 * third + 1))
    assert [epoch["epoch"] for epoch in listener.epochs()] == everything
    assert [epoch["seq"] for epoch in listener.epochs()] == everything
    live = epochs_of(listener)
    assert live[third] == 3 * third - 1, "the live lane is current at once"
    assert not set(live) & set(range(third, 3 * third - 1)), "and carries nothing old"


async def test_a_broker_that_forgot_receives_everything_again(
    broker, listening, reading, until
):
    async with running(broker) as feed:
        feed.put(reading(HERE))
        await broker.kill()
        await broker.start()
        async with listening(broker) as listener:
            await until(lambda: listener.on("/availability"), "how things stand")
    assert listener.on("/availability")[0].payload == b"online"


async def test_what_no_broker_received_is_published_after_a_restart_of_the_gateway(
    listening, until, scored
):
    broker = LocalBroker()
    async with running(broker) as feed:
        for device in ("east", "west"):
            for index in range(30):
                feed.put(scored(index, device=device, session=device))
    async with broker, listening(broker) as listener, running(broker):
        await until(lambda: len(listener.epochs()) == 60, "both nights")
    for device in ("east", "west"):
        there = [e["epoch"] for e in listener.epochs() if e["device"] == device]
        assert there == list(range(30))
    assert all(epoch["late"] for epoch in listener.epochs())
    assert not listener.stages(), "nothing stale on the live lane"


async def test_without_a_broker_all_night_the_sink_ends_with_its_feed(
    until, scored, caplog
):
    async with running(LocalBroker()) as feed:
        for index in range(NIGHT):
            feed.put(scored(index))
    warned = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    assert len(warned) == 1
    assert "no broker answers" in warned[0]


async def test_a_disk_that_fails_never_stops_the_live_lane(
    broker, listening, scored, tmp_path, caplog
):
    """A file where the directory should be; then somebody mends it."""
    place = tmp_path / "state"
    place.write_text("")
    options = {"journal": JournalOptions(path=str(place / "journal.sqlite"))}
    async with listening(broker) as listener, running(broker, **options) as feed:
        for index in range(5):
            feed.put(scored(index))
        await listener.until(lambda: len(listener.stages()) == 5, "five stages")
        assert [stage["seq"] for stage in listener.stages()] == [None] * 5
        assert not listener.epochs()
        place.unlink()
        feed.put(scored(5))
        await listener.until(lambda: len(listener.epochs()) == 6, "what had waited")
    assert [epoch["seq"] for epoch in listener.epochs()] == list(range(6))
    warned = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    assert len(warned) == 1
    assert str(place) in warned[0]


async def test_a_wrong_password_is_reported_once_and_clearly(
    tmp_path, until, scored, caplog
):
    caplog.set_level(logging.INFO)
    passwords = tmp_path / "passwords"
    await (
        await asyncio.create_subprocess_exec(
            "mosquitto_passwd", "-b", "-c", passwords, "gateway", "right"
        )
    ).wait()
    settings = ("allow_anonymous false", f"password_file {passwords}")
    async with LocalBroker(settings=settings) as broker:
        async with running(broker, username="gateway", password="wrong") as feed:  # noqa: S106 -- a test's own
            feed.put(scored(0))
            await until(lambda: "refuses" in caplog.text, "the refusal")
        async with running(broker, username="gateway", password="right") as feed:  # noqa: S106 -- a test's own
            await until(lambda: "connected" in caplog.text, "a connection")
    refusals = [r.getMessage() for r in caplog.records if "refuses" in r.getMessage()]
    assert len(refusals) == 1
    assert "'gateway'" in refusals[0]
    assert "password" in refusals[0]
    assert "wrong" not in caplog.text
    assert "lost" not in caplog.text


def born(broker):
    """Say what Home Assistant says when it has started."""
    return asyncio.to_thread(
        publish.single,
        "homeassistant/status",
        b"online",
        hostname=broker.host,
        port=broker.port,
    )


async def test_a_home_assistant_that_starts_receives_everything_again(
    broker, listening, reading, scored, monkeypatch
):
    monkeypatch.setattr(bridge, "BIRTH_S", 0.0)
    async with listening(broker, "#") as listener, running(broker) as feed:
        feed.put(reading(HERE))
        feed.put(scored(0))
        await listener.until(lambda: len(listener.on("/config")) == 2, "discovery")
        await listener.until(listener.stages, "the stage")
        before = len(listener.heard)
        await born(broker)
        await listener.until(lambda: len(listener.on("/config")) == 4, "discovery")
        await listener.until(lambda: len(listener.stages()) == 2, "the stage again")
        again = {heard.topic for heard in listener.heard[before:]}
    assert {"sleepgate/bridge/info", "sleepgate/bedroom/availability"} <= again


async def test_only_the_lanes_that_were_chosen_are_published(
    broker, listening, reading, scored
):
    night = summarise([Stage.W, Stage.N2])
    chosen = {"publish": ("summary",)}
    async with listening(broker) as listener, running(broker, **chosen) as feed:
        feed.put(reading(HERE))
        feed.put(scored(0))
        feed.put(reading(Contacts((), ())))
        feed.put(reading(night))
        await listener.until(lambda: listener.on("/summary"), "the summary")
        await listener.until(lambda: listener.on("/health"), "a report")
    leaves = {heard.topic.rpartition("/")[2] for heard in listener.heard}
    assert leaves == {"availability", "summary", "state", "info", "health"}


async def test_how_the_headband_sits_is_reported_live_and_kept_by_nobody(
    broker, listening, reading
):
    contact = Contact(ContactState.FAIR, rms_uv=42.0, mains_ratio=0.5, railed=0.0)
    device_status = Contacts(
        (ElectrodeFit("AF7", contact), ElectrodeFit("EMG", None)),
        (ModelInput("EEG Fpz-Cz", "AF7-TP9", contact),),
    )
    async with listening(broker) as listener, running(broker) as feed:
        feed.put(reading(device_status))
        await listener.until(lambda: listener.on("/signal"), "the signal")
        async with listening(broker) as later:
            assert not later.on("/signal")
    check_all(listener.on("/signal"))
    said = listener.on("/signal")[0].document
    assert said["state"] == said["channels"]["EEG Fpz-Cz"]["state"] == "fair"
    assert list(said["electrodes"]) == ["AF7"]


async def test_a_headband_is_introduced_again_when_more_is_known(
    broker, listening, reading
):
    begins = SignalBegins(
        info=HeadbandInfo(Montage(()), firmware="3.0.0"),
        start_utc=NIGHT_UTC,
        synchronised=True,
        derivations={},
        mains_hz=50,
        driver="ganglion",
    )
    async with listening(broker) as listener, running(broker) as feed:
        feed.put(reading(HERE))
        await listener.until(lambda: listener.on("/info"), "an introduction")
        feed.put(reading(begins))
        await listener.until(lambda: len(listener.on("/info")) == 2, "another")
    check_all(listener.heard)
    (first,), (then,) = (heard.document["devices"] for heard in listener.on("/info"))
    assert (first["driver"], first["firmware"]) == (None, None)
    assert (then["driver"], then["firmware"]) == ("ganglion", "3.0.0")
    assert listener.on("/info")[0].document["inference"].split()[0] in RUNTIMES


async def test_a_night_is_taken_up_where_another_run_left_it(
    broker, listening, reading, scored
):
    """After a new password, a failed disk, a restart: no hole, nothing said twice."""
    began = reading(SessionState(RecordingState.RECORDING, NIGHT_UTC))
    stages = [Stage.W, Stage.N2, Refusal.GAP, Stage.N3, Stage.N3]
    async with running(broker) as feed:
        feed.put(reading(SessionState(RecordingState.IDLE)))
        feed.put(began)
        for index, stage in enumerate(stages):
            feed.put(scored(index, stage))
    async with listening(broker) as listener, running(broker) as feed:
        feed.put(began)
        feed.put(scored(5, Stage.N3))
        feed.put(reading(summarise([*stages, Stage.N3])))
        feed.put(reading(SessionState(RecordingState.ENDED, NIGHT_UTC, NIGHT_UTC)))
    (night,) = [h.document for h in listener.on("/hypnogram") if not h.retained]
    assert night["runs"] == [[0, 1], [2, 1], [-2, 1], [3, 3]]
    assert night["start"] == utc_text(scored(0).value.start_utc)
    events = [e.document["event_type"] for e in listener.on("/event")]
    assert events == ["session_stopped"]
    assert not listener.on("/phase"), "the sleeper is where she was"
    assert [e["seq"] for e in listener.epochs()] == [5]


async def test_a_night_that_is_resumed_is_whole_even_without_a_journal(
    broker, listening, reading, scored
):
    """The session's own notes say what came before; who publishes no epochs has it."""
    before = tuple(scored(i, Stage.N2).value for i in range(3))
    lanes = tuple(lane for lane in LANES if lane != "epoch")
    resumed = SessionState(RecordingState.RECORDING, NIGHT_UTC, resumed=1)
    async with listening(broker) as listener, running(broker, publish=lanes) as feed:
        feed.put(reading(NightEpochs(before, final=False)))
        feed.put(reading(resumed))
        feed.put(scored(3, Refusal.GAP))
        feed.put(scored(4, Stage.N2))
        feed.put(reading(SessionState(RecordingState.ENDED, NIGHT_UTC, NIGHT_UTC)))
    (night,) = (heard.document for heard in listener.on("/hypnogram"))
    assert night["runs"] == [[2, 3], [-2, 1], [2, 1]]
    assert night["start"] == utc_text(before[0].start_utc)
    assert [e.document["event_type"] for e in listener.on("/event")] == [
        "session_stopped"
    ]
    assert not listener.epochs()


async def test_what_a_resumed_night_has_before_goes_to_the_journal_once(
    broker, listening, reading, scored
):
    """One epoch was noted by the session, but killed before the journal had it."""
    async with running(broker) as feed:
        for index in range(3):
            feed.put(scored(index))
    before = tuple(scored(i).value for i in range(4))
    async with listening(broker) as listener, running(broker) as feed:
        feed.put(reading(NightEpochs(before, final=False)))
        feed.put(scored(4))
        await listener.until(lambda: len(listener.epochs()) == 2, "what is new")
    said = [(e["epoch"], e["seq"]) for e in listener.epochs()]
    assert said == [(3, 3), (4, 4)]


async def test_a_configuration_that_waits_for_a_person_is_reported(
    broker, listening, reading
):
    control, feed = Control(), Feed(16)
    options = MqttOptions(host=broker.host, port=broker.port)
    async with listening(broker) as listener:
        sink = asyncio.create_task(run(options, feed, control))
        feed.put(reading(HERE))
        await listener.until(lambda: listener.on("/info"), "an introduction")
        control.restart_required = ("ble",)
        feed.put(reading(LossCounts()))
        await listener.until(lambda: len(listener.on("/info")) == 2, "the news")
        feed.close()
        await sink
    check_all(listener.heard)
    said = [h.document["restart_required"] for h in listener.on("/info")]
    assert said == [[], ["ble"]]


async def test_every_message_of_a_night_keeps_to_its_schema(
    broker, listening, reading, scored
):
    idle = SessionState(RecordingState.IDLE)
    began = SessionState(RecordingState.RECORDING, NIGHT_UTC)
    ended = SessionState(RecordingState.ENDED, NIGHT_UTC, NIGHT_UTC, n_epochs=2)
    async with listening(broker) as listener, running(broker) as feed:
        feed.put(reading(LinkReading(LinkState.STREAMING, LinkStats(attempts=1))))
        for value in (HERE, Battery(71), idle, began, LossCounts(lost_s=1.0)):
            feed.put(reading(value))
        feed.put(scored(0, Stage.R))
        feed.put(scored(1, Refusal.GAP))
        feed.put(reading(SleepEvent(EventKind.REM_START, NIGHT_UTC, 0, 0.8)))
        feed.put(reading(summarise([Stage.R, Refusal.GAP])))
        feed.put(reading(ended))
    check_all(listener.heard)
    leaves = [heard.topic.rpartition("/")[2] for heard in listener.heard]
    assert leaves.count("event") == 3, "session started, REM, session stopped"
    for leaf in ("phase", "hypnogram", "svg", "session", "info", "health"):
        assert leaf in leaves
