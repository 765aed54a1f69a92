"""bleak's own BlueZ backend, our agent, our adapter, a headband: no hardware."""

import asyncio

import pytest
import pytest_asyncio

from sim.radio.peripheral import ADDRESS
from tests.support.fake_bluez.private_bus import dbus_daemon, private_bus
from tests.support.fake_bluez.testbed import running_testbed


@pytest_asyncio.fixture
async def system_bus(tmp_path, monkeypatch):
    """Be where D-Bus is looked for; bleak's connection ends with it."""
    if dbus_daemon() is None:
        pytest.skip("no dbus-daemon: apt install dbus")
    async with private_bus(tmp_path) as address:
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", address)
        yield address
    await asyncio.sleep(0.05)  # those still connected notice


@pytest_asyncio.fixture
async def testbed(system_bus):
    async with running_testbed() as testbed:
        yield testbed


@pytest.fixture(name="address")
def _address():
    return ADDRESS
