"""The BlueZ adapter does what it is asked, and gives up in time."""

import asyncio

import pytest

from gateway import drivers
from gateway.ble.bluez.adapter import BluezAdapter
from gateway.errors import AdapterError

pytestmark = pytest.mark.integration

DIY = drivers.load("diy")


@pytest.fixture
def impatient(monkeypatch):
    async def call(self, *call, timeout_s=0, **options):
        return await call_in_time(self, *call, timeout_s=0.3, **options)

    call_in_time = BluezAdapter()._bus.__class__.call  # noqa: SLF001 - the real one
    monkeypatch.setattr("gateway.ble.bluez.dbus.SystemBus.call", call)
    monkeypatch.setattr("gateway.ble.bluez.adapter.FORGET_S", 0.3)


async def test_only_what_nobody_reads_is_disconnected(testbed, address):
    await testbed.headband()
    async with testbed.radio() as radio, testbed.listening(radio) as heard:
        await heard.samples(100)
        adapter = BluezAdapter()
        await adapter.disconnect_stale([DIY.service], [address.lower()])
        await adapter.disconnect_stale(["0000fe8d-0000-1000-8000-00805f9b34fb"], [])
        await heard.samples(100)
        assert not heard.downs
        await adapter.disconnect_stale([DIY.service], [])
        await heard.until(lambda heard: heard.downs)
        await adapter.close()


async def test_a_power_cycle_switches_off_and_on(testbed):
    adapter = BluezAdapter("hci0")
    before = len(testbed.bluetoothd.calls)
    await adapter.power_cycle()
    assert testbed.bluetoothd.calls[before:].count("Properties.Set") == 2
    testbed.bluetoothd.refuse("Set", "Blocked", "Blocked through rfkill")
    with pytest.raises(AdapterError, match="rfkill unblock"):
        await adapter.power_cycle()
    await adapter.close()


async def test_an_adapter_that_is_not_there_is_named_with_those_that_are(testbed):
    adapter = BluezAdapter("hci7")
    with pytest.raises(AdapterError, match=r"no Bluetooth adapter hci7: .* hci0"):
        await adapter.power_cycle()
    await adapter.close()


async def test_a_hung_bluetoothd_hangs_nobody(testbed, impatient):
    adapter = BluezAdapter()
    await adapter.watch(lambda _: None)
    testbed.bluetoothd.freeze()
    async with asyncio.timeout(10):
        for attempt in (
            adapter.power_cycle(),
            adapter.bonds(),
            adapter.forget("F0:F1:F2:F3:F4:F5"),
            adapter.disconnect_stale([DIY.service], []),
            adapter.restart_scan(),
        ):
            with pytest.raises(AdapterError):
                await attempt
    testbed.bluetoothd.thaw()
    assert await adapter.bonds() == []
    await adapter.close()


async def test_each_end_of_bluetoothd_is_reported_once(testbed):
    told = []
    adapter = BluezAdapter()
    for _ in range(3):
        await adapter.watch(told.append)
    for n in (1, 2):
        await testbed.bluetoothd.kill()
        await testbed.bluetoothd.start()
        assert await adapter.bonds() == []
        assert told == ["bluetoothd went away"] * n
    await adapter.close()


async def test_a_lost_connection_to_d_bus_is_made_again(testbed):
    adapter = BluezAdapter()
    assert await adapter.bonds() == []
    bus = await adapter._bus.connection()  # noqa: SLF001 - as if D-Bus had cut it
    bus.disconnect()
    assert await adapter.bonds() == []
    await adapter.close()
