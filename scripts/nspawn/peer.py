"""Inside the container: a bluetoothd on its system bus, and a headband in its reach.

bluetoothd is the one of the tests, on the simulator's air; the daemon under test meets
it as it would BlueZ, over D-Bus and through its sandbox.
"""

import asyncio
import sys

from sim.air import Air
from sim.device import Knobs
from sim.devices import load
from sim.peripheral import headband
from sim.sleeper import synthetic_night
from tests.bluez.bluetoothd import Bluetoothd


async def main() -> None:
    """Serve until stopped."""
    air = Air()
    bluetoothd = Bluetoothd(air.plug())
    await bluetoothd.start()
    night, _ = synthetic_night(1, 1.0)
    device = load("diy")(night, Knobs(boot_id=7))
    async with headband(device, air.plug(), speed=1.0):
        sys.stdout.write("on the air\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


asyncio.run(main())
