"""``sleepgate ha`` and ``sleepgate forget`` against a real broker."""

import asyncio
import json
import sys
from datetime import UTC, datetime

import pytest

from gateway.acquisition.montage import HeadbandInfo, Montage
from gateway.messages.feed import Feed
from gateway.messages.outputs import Availability, SignalBegins
from gateway.mqtt.options import MqttOptions
from gateway.sinks.mqtt import run

pytestmark = pytest.mark.integration

BEGINS = SignalBegins(
    info=HeadbandInfo(Montage(())),
    start_utc=datetime(2026, 2, 12, 23, 1, tzinfo=UTC),
    synchronised=True,
    derivations={},
    mains_hz=50,
    driver="diy",
)
HERE = Availability(online=True, reason="samples arrive")


@pytest.fixture
def config(broker, tmp_path):
    path = tmp_path / "sleepgate.yaml"
    path.write_text(
        "devices: [{name: bedroom}, {name: attic, address: 'F0:F1:F2:F3:F4:F5'}]\n"
        f"outputs: {{mqtt: {{host: {broker.host}, port: {broker.port}}}}}\n"
    )
    return path


async def sleepgate(*arguments):
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gateway", *map(str, arguments)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    stdout, stderr = await process.communicate()
    return process.returncode, stdout.decode(), stderr.decode()


async def a_night(broker, reading, scored):
    """Publish something retained on every topic, and end as a power cut would."""
    feed = Feed(16)
    sink = asyncio.create_task(
        run(MqttOptions(host=broker.host, port=broker.port), feed)
    )
    feed.put(reading(BEGINS))
    feed.put(reading(HERE))
    feed.put(scored(0))
    feed.close()
    await sink


async def test_preview_prints_what_will_be_published(
    broker, config, listening, reading, scored
):
    code, said, _ = await sleepgate("ha", "preview", "--config", config)
    assert code == 0
    preview = json.loads(said)
    await a_night(broker, reading, scored)
    async with listening(broker, "homeassistant/#") as listener:
        published = {heard.topic: heard.document for heard in listener.heard}
    assert len(published) == 2
    assert published.items() <= preview.items()
    assert len(preview) == 3


async def test_remove_leaves_home_assistant_nothing(
    broker, config, listening, reading, scored
):
    await a_night(broker, reading, scored)
    code, _, words = await sleepgate("ha", "remove", "--config", config)
    assert code == 0, words
    async with listening(broker, "homeassistant/#") as listener:
        assert not listener.heard
    async with listening(broker, "sleepgate/bedroom/#") as listener:
        assert listener.on("/availability")


async def test_forget_clears_everything_of_one_headband(
    broker, config, listening, reading, scored
):
    await a_night(broker, reading, scored)
    code, _, words = await sleepgate("forget", "bedroom", "--config", config)
    assert code == 0, words
    async with listening(broker, "#") as listener:
        left = {heard.topic for heard in listener.heard}
    assert not [topic for topic in left if "bedroom" in topic]
    assert "sleepgate/bridge/info" in left


async def test_without_a_broker_both_say_so(broker, config):
    await broker.kill()
    for arguments in (("ha", "remove"), ("forget", "bedroom")):
        code, _, words = await sleepgate(*arguments, "--config", config)
        assert code == 1
        assert "no connection to the broker" in words
