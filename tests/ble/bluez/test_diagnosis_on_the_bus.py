"""Where there is no Bluetooth, one sentence says why and what to do."""

import os

import pytest

from gateway import drivers
from gateway.ble.bleak_radio import BleakRadio
from gateway.ble.bluez.adapter import BluezAdapter
from gateway.ble.bluez.diagnosis import Hardware, diagnose
from gateway.errors import AdapterError
from sim.radio.virtual_link import VirtualLink
from tests.support.fake_bluez.bluetoothd import Bluetoothd
from tests.support.fake_bluez.private_bus import NO_RIGHTS, dbus_daemon, private_bus

NOTHING = Hardware(())

pytestmark = pytest.mark.integration


@pytest.fixture
def sysfs(tmp_path):
    """A machine with an adapter."""
    (tmp_path / "sys/bluetooth/hci0").mkdir(parents=True)
    return tmp_path / "sys"


async def test_nothing_is_wrong_with_an_adapter_that_is_on(testbed, sysfs):
    assert await diagnose(sysfs=sysfs) is None


async def test_no_bluetoothd(system_bus, sysfs, tmp_path):
    assert "systemctl enable --now bluetooth" in str(await diagnose(sysfs=sysfs))
    assert "plug one in" in str(await diagnose(sysfs=tmp_path))


async def test_the_daemon_says_so_too_and_goes_on_when_one_is_plugged_in(
    system_bus, monkeypatch
):
    monkeypatch.setattr("gateway.ble.bluez.adapter.read_hardware", lambda: NOTHING)
    radio = BleakRadio(adapter=BluezAdapter())
    with pytest.raises(AdapterError, match="plug one in"):
        await radio.scan([drivers.load("diy")], 1.0)
    bluetoothd = Bluetoothd(VirtualLink().plug())
    await bluetoothd.start()
    assert await radio.scan([drivers.load("diy")], 0.1) == []
    await radio.close()
    await bluetoothd.close()


async def test_an_adapter_that_is_off(testbed, sysfs):
    await testbed.bluetoothd.adapter.switch(powered=False)
    assert "bluetoothctl power on" in str(await diagnose(sysfs=sysfs))


async def test_no_adapter(testbed, sysfs, tmp_path):
    await testbed.bluetoothd.adapter.vanish()
    assert "the kernel has hci0" in str(await diagnose(sysfs=sysfs))
    assert "plug one in" in str(await diagnose(sysfs=tmp_path))


async def test_another_adapter_than_the_one_that_is_there(testbed, sysfs):
    assert "hci0 (00:00:5E:00:53:01)" in str(await diagnose("hci1", sysfs))


async def test_a_bluetoothd_that_hangs(testbed, sysfs, monkeypatch):
    monkeypatch.setattr("gateway.ble.bluez.dbus.SystemBus.known", _in_vain)
    assert "systemctl restart bluetooth" in str(await diagnose(sysfs=sysfs))


async def _in_vain(_):
    raise TimeoutError


async def test_no_d_bus(monkeypatch, sysfs, tmp_path):
    address = f"unix:path={tmp_path}/none"
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", address)
    assert "apt install bluez dbus" in str(await diagnose(sysfs=sysfs))
    radio = BleakRadio(adapter=BluezAdapter())
    with pytest.raises(AdapterError, match="apt install bluez dbus"):
        await radio.scan([], 1.0)
    await radio.close()


@pytest.mark.skipif(dbus_daemon() is None, reason="no dbus-daemon: apt install dbus")
async def test_no_rights(monkeypatch, sysfs, tmp_path):
    async with private_bus(tmp_path, NO_RIGHTS) as address:
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", address)
        bluetoothd = Bluetoothd(VirtualLink().plug())
        await bluetoothd.start()
        assert "usermod -aG bluetooth" in str(await diagnose(sysfs=sysfs))
        await bluetoothd.close()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may use any socket")
async def test_a_socket_that_may_not_be_used(monkeypatch, sysfs, tmp_path):
    (tmp_path / "bus").touch(mode=0)
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={tmp_path}/bus")
    assert await diagnose(sysfs=sysfs) is not None
