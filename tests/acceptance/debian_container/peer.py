"""A bluetoothd on the system bus, and a headband in its reach.

bluetoothd is the one of the tests, on the simulator's air; the daemon under test meets
it as it would BlueZ, over D-Bus and through its sandbox.
"""

import argparse
import asyncio
import os
import sys
from contextlib import AsyncExitStack
from pathlib import Path

from sim.device import DeviceSettings
from sim.devices import load
from sim.night.synthetic_night import synthetic_night
from sim.radio.peripheral import headband
from sim.radio.virtual_link import VirtualLink
from tests.support.fake_bluez.bluetoothd import Bluetoothd
from tests.support.fake_bluez.private_bus import private_bus


async def main() -> None:
    """Serve until stopped."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--driver", default="diy")
    asked.add_argument("--bus", type=Path, help="folder of a system bus to be made")
    options = asked.parse_args()
    async with AsyncExitStack() as stack:
        if options.bus:
            bus = await stack.enter_async_context(private_bus(options.bus))
            os.environ["DBUS_SYSTEM_BUS_ADDRESS"] = bus
        air = VirtualLink()
        bluetoothd = Bluetoothd(air.plug())
        await bluetoothd.start()
        night, _ = synthetic_night(1, 1.0)
        device = load(options.driver)(night, DeviceSettings(boot_id=7))
        await stack.enter_async_context(headband(device, air.plug(), speed=1.0))
        sys.stdout.write("on the air\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


asyncio.run(main())
