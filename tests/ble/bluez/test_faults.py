"""Whatever goes wrong with bluetoothd or the radio, the headband streams again."""

import asyncio
import os
import signal
import sys

import pytest

pytestmark = pytest.mark.integration

ENOUGH = 300  # samples


@pytest.fixture
def hasty(monkeypatch):
    """Pause shorter than in production, so that many failures are soon over."""
    monkeypatch.setattr("gateway.ble.recovery_policy.FIRST_S", 0.1)
    monkeypatch.setattr("gateway.ble.bleak_client.LEAVE_S", 1.0)


async def test_a_headband_that_hangs_up_is_found_again(testbed):
    band = await testbed.headband()
    async with testbed.radio() as radio, testbed.listening(radio) as heard:
        await heard.samples(ENOUGH)
        await band.disconnect()
        await heard.until(lambda heard: heard.n_ups == 2)
        await heard.samples(ENOUGH)
    assert heard.lost == 0
    assert heard.downs == ["disconnected"]


async def test_a_headband_that_was_out_of_range_is_found_again(testbed):
    await testbed.headband()
    async with testbed.radio() as radio, testbed.listening(radio) as heard:
        await heard.samples(ENOUGH)
        await testbed.air.outage(2.0)
        await heard.until(lambda heard: heard.n_ups == 2)
        await heard.samples(ENOUGH)
    assert heard.downs == ["disconnected"]


async def test_the_death_of_bluetoothd_ends_the_connection_at_once(testbed):
    await testbed.headband()
    async with testbed.radio() as radio, testbed.listening(radio) as heard:
        await heard.samples(ENOUGH)
        await testbed.bluetoothd.kill()
        await heard.until(lambda heard: heard.downs)
        assert heard.downs == ["bluetoothd went away"]
        await testbed.bluetoothd.start()
        await heard.until(lambda heard: heard.n_ups == 2)
        await heard.samples(ENOUGH)
    assert heard.lost == 0


async def test_a_bluetoothd_that_hangs_is_survived(testbed, hasty):
    await testbed.headband()
    async with testbed.radio() as radio, testbed.listening(radio) as heard:
        await heard.samples(ENOUGH)
        testbed.bluetoothd.freeze()
        await heard.until(lambda heard: heard.downs)
        assert "nothing received" in heard.downs[0]
        await asyncio.sleep(1.0)
        testbed.bluetoothd.thaw()
        await heard.until(lambda heard: heard.n_ups == 2)
        await heard.samples(ENOUGH)


async def test_a_scan_whose_start_nobody_waited_for_is_ended(
    testbed, hasty, monkeypatch, caplog
):
    monkeypatch.setattr("gateway.ble.bleak_scanner.ANSWER_S", 0.3)
    caplog.set_level("DEBUG", "gateway.ble")
    await testbed.headband()
    testbed.bluetoothd.freeze_at("StartDiscovery")
    async with testbed.radio() as radio, testbed.listening(radio) as heard:
        await asyncio.sleep(0.5)
        testbed.bluetoothd.thaw()  # and the scan begins that nobody wants any more
        await heard.samples(ENOUGH)
    assert "restart the scan" in caplog.text
    assert "switch the adapter off and on" not in caplog.text


async def test_an_adapter_that_refuses_every_scan_is_switched_off_and_on(
    testbed, hasty
):
    band = await testbed.headband()
    async with testbed.radio() as radio, testbed.listening(radio) as heard:
        await heard.samples(ENOUGH)
        testbed.bluetoothd.adapter.stick()
        await band.disconnect()
        await heard.until(lambda heard: heard.n_ups == 2)
        await heard.samples(ENOUGH)
    assert "Properties.Set" in testbed.bluetoothd.calls


async def test_an_adapter_that_was_switched_off_is_switched_on(testbed, hasty):
    await testbed.headband()
    async with testbed.radio() as radio, testbed.listening(radio) as heard:
        await heard.samples(ENOUGH)
        await testbed.bluetoothd.adapter.switch(powered=False)
        await heard.until(lambda heard: heard.n_ups == 2)
        await heard.samples(ENOUGH)


async def test_an_adapter_that_was_unplugged_is_used_again(testbed, hasty):
    await testbed.headband()
    async with testbed.radio() as radio, testbed.listening(radio) as heard:
        await heard.samples(ENOUGH)
        await testbed.bluetoothd.adapter.vanish()
        await heard.until(lambda heard: heard.downs)
        await testbed.bluetoothd.adapter.show()
        await heard.until(lambda heard: heard.n_ups == 2)
        await heard.samples(ENOUGH)


@pytest.mark.parametrize("method", ["StartDiscovery", "Connect", "StartNotify"])
@pytest.mark.parametrize("error", ["InProgress", "NotReady", "Failed"])
async def test_a_refusal_in_passing_is_only_a_delay(testbed, method, error):
    await testbed.headband()
    testbed.bluetoothd.refuse(method, error, times=1)
    async with testbed.radio() as radio, testbed.listening(radio) as heard:
        await heard.samples(ENOUGH)
    assert not heard.downs


async def test_what_a_killed_gateway_left_connected_is_taken_over(testbed):
    await testbed.headband()
    program = """
import asyncio
from gateway import drivers
from gateway.ble.open_radio import open_radio
async def main():
    diy, radio = drivers.load("diy"), open_radio("bluez")
    async with radio.connect(await radio.find(diy), diy) as connection:
        await connection.notifications.get(9)
        print("streams", flush=True)
        await asyncio.Event().wait()
asyncio.run(main())
"""
    gateway = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", program), stdout=asyncio.subprocess.PIPE, env=os.environ
    )
    assert await gateway.stdout.readline() == b"streams\n"
    gateway.send_signal(signal.SIGKILL)
    await gateway.wait()
    before = len(testbed.bluetoothd.calls)
    async with testbed.radio() as radio, testbed.listening(radio) as heard:
        await heard.samples(ENOUGH)
    assert "Adapter1.StartDiscovery" not in testbed.bluetoothd.calls[before:]
