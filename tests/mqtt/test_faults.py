"""A line to the broker that fails in every way TCP can; a real subscriber counts."""

import asyncio
import tempfile
import tracemalloc
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gateway.mqtt import connection
from gateway.mqtt.client import MqttClient
from gateway.mqtt.client_events import BrokerAddress, BrokerState, Message
from gateway.mqtt.topics import Topic
from tests.support.mosquitto import until
from tests.support.sink_under_fault import PATIENCE_S, newest, scoring, warnings
from tests.support.tcp_faults import TcpFaults

pytestmark = pytest.mark.integration

PUBACK = 4
THOUSANDS = 2000
MEGABYTE = 1_000_000


@pytest.fixture
async def faults(broker):
    async with TcpFaults(broker.port).serving() as faults:
        yield faults


@pytest.fixture
def memory_disk():
    """A folder that is quick to write to, where there is one."""
    place = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - speed, not secrecy
    with tempfile.TemporaryDirectory(dir=place) as folder:
        yield Path(folder)


@pytest.fixture
def night_through(broker, listening, scored, tmp_path):
    """A sink whose line is a faulty one, and a listener whose line is not."""

    @asynccontextmanager
    async def play(faults, folder=tmp_path, **options):
        async with (
            listening(broker) as listener,
            scoring(faults.port, folder, scored, **options) as night,
        ):
            await night.arrived(listener)
            yield night, listener

    return play


async def test_a_line_that_stalls_is_given_up_and_nothing_is_lost(
    faults, night_through, caplog
):
    async with night_through(faults, keepalive_s=5) as (night, listener):
        faults.up = faults.down = "stall"
        await night.record(5)
        await until(lambda: warnings(caplog, "lost the broker"), "a loss", PATIENCE_S)
        await night.record(5)
        faults.heal()
        await night.arrived(listener)
        await night.settled()


async def test_acknowledgements_that_never_come_hold_nothing_up(
    faults, night_through, caplog, monkeypatch
):
    """The broker answers pings, so neither TCP nor the keepalive notices."""
    monkeypatch.setattr(connection, "UNACKNOWLEDGED_S", 2.0)
    async with night_through(faults) as (night, listener):
        faults.withheld = {PUBACK}
        await night.record(60)
        await until(lambda: newest(listener) == night.n - 1, "the present", PATIENCE_S)
        assert night.counts()[1] > 0
        await until(lambda: faults.n_withheld >= 60, "three connections", PATIENCE_S)
        assert len(warnings(caplog, "acknowledge")) == 1
        faults.heal()
        await night.arrived(listener)
        await night.settled()


async def test_acknowledgements_lost_with_the_line_are_made_up_for(
    faults, night_through
):
    async with night_through(faults) as (night, listener):
        await night.settled()
        faults.down = "swallow"
        await night.record(30)
        await until(lambda: len(listener.epochs()) > 2, "epochs without a receipt")
        assert night.counts()[1] == 30
        faults.cut()
        faults.heal()
        await night.arrived(listener)
        await night.settled()


@pytest.mark.parametrize("way", ["up", "down"])
async def test_a_line_cut_in_the_middle_of_a_packet_loses_nothing(
    faults, night_through, caplog, way
):
    async with night_through(faults) as (night, listener):
        setattr(faults, way, "half")
        await night.record(30)
        await until(lambda: warnings(caplog, "lost the broker"), "the cut", PATIENCE_S)
        faults.heal()
        await night.arrived(listener)
        await night.settled()


async def test_a_line_that_is_reset_again_and_again_loses_nothing(
    faults, night_through, caplog
):
    async with night_through(faults) as (night, listener):
        for times in range(1, 4):
            night.put(20)
            await asyncio.sleep(0)  # some are on their way, some on disk, some neither
            faults.cut(reset=True)
            await until(
                lambda times=times: caplog.text.count("Unspecified error") == times,
                "the loss",
                PATIENCE_S,
            )
            await night.arrived(listener)
        await night.settled()
    assert len(warnings(caplog, "keep ending")) == 1


async def test_thousands_of_epochs_without_an_answer_stay_on_disk_not_in_memory(
    faults, night_through, memory_disk
):
    async with night_through(faults, memory_disk, keepalive_s=5) as (night, listener):
        faults.up = faults.down = "stall"
        sizes = []
        tracemalloc.start()
        try:
            while night.n < THOUSANDS:
                await night.record(120)
                sizes.append(tracemalloc.get_traced_memory()[0])
        finally:
            tracemalloc.stop()
        assert max(sizes[4:]) - sizes[3] < MEGABYTE
        assert night.counts()[1] >= THOUSANDS - 30
        faults.heal()
        await night.arrived(listener)
        await night.settled()


async def test_a_report_that_the_line_swallows_does_not_keep_the_client_waiting(
    broker, faults
):
    """paho forgets QoS 0 when it reconnects, without a word."""
    address = BrokerAddress(host="127.0.0.1", port=faults.port)
    huge = Message(Topic("t/huge", retain=False), bytes(30 * MEGABYTE))
    report = Message(Topic("t/health", retain=False, qos=0), b"well")
    async with MqttClient(address, None, lambda: ()) as client:
        faults.up = "stall"
        client.send(huge)
        receipt = client.send(report)
        faults.up = "swallow"
        faults.cut(reset=True)
        await until(receipt.done, "what became of it", PATIENCE_S)
        assert receipt.cancelled()
        faults.heal()
        await until(
            lambda: client.connection is BrokerState.ONLINE, "the broker", PATIENCE_S
        )
