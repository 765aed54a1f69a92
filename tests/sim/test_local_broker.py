"""Starting and stopping a mosquitto of our own."""

import asyncio

import pytest

from gateway.errors import ConfigError, SinkError
from sim import local_broker
from sim.local_broker import LocalBroker

pytestmark = pytest.mark.integration


async def accepts(broker):
    try:
        _, writer = await asyncio.open_connection(broker.host, broker.port)
    except ConnectionRefusedError:
        return False
    writer.close()
    await writer.wait_closed()
    return True


async def test_it_listens_on_loopback_until_the_context_ends():
    async with LocalBroker() as broker:
        assert await accepts(broker)
        assert broker.host == "127.0.0.1"
    assert not await accepts(broker)


@pytest.mark.parametrize("end", [LocalBroker.stop, LocalBroker.kill])
async def test_it_comes_back_on_the_same_port(end):
    async with LocalBroker() as broker:
        port = broker.port
        await end(broker)
        assert not await accepts(broker)
        await broker.start()
        assert await accepts(broker)
        assert broker.port == port


async def test_two_do_not_meet():
    async with LocalBroker() as one, LocalBroker() as other:
        assert one.port != other.port


async def test_a_setting_that_is_none_is_reported_in_mosquittos_words():
    with pytest.raises(SinkError, match="allow_everything"):
        await LocalBroker(settings=["allow_everything true"]).start()


async def test_a_port_that_is_taken_is_not_mistaken_for_ours():
    async with LocalBroker() as broker:
        with pytest.raises(ConfigError, match=f"port {broker.port} is taken"):
            await LocalBroker(port=broker.port).start()


async def test_its_absence_is_reported_with_the_remedy(monkeypatch):
    monkeypatch.setattr(local_broker, "SEARCHED", "/nowhere")
    with pytest.raises(ConfigError, match="apt install mosquitto"):
        await LocalBroker().start()
