"""bleak's own BlueZ backend, our agent and care, and a headband, without hardware."""

import asyncio

import pytest
import pytest_asyncio
from tests.support.fake_bluez.controller import running_bed

from sim.radio.peripheral import ADDRESS
from tests.support.fake_bluez.private_bus import dbus_daemon, private_bus


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
async def controller(system_bus):
    async with running_bed() as controller:
        yield controller


@pytest.fixture(name="address")
def _address():
    return ADDRESS
