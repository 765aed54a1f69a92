"""How long until a headband streams again: `recovery [ROUNDS]`.

Production code and pauses, on bleak's BlueZ backend and a fake bluetoothd whose radio
is bumble. A figure counts from the fault, or from its end where it lasts, to the first
sample that arrives after it.
"""

import asyncio
import logging
import os
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path

from tests.support.fake_bluez.private_bus import private_bus
from tests.support.fake_bluez.testbed import running_testbed

AWAY_S = 5.0


async def hangs_up(testbed, band, _):
    await band.disconnect()


async def out_of_range(testbed, _band, _heard):
    await testbed.air.outage(AWAY_S)


async def bluetoothd_killed(testbed, _band, heard):
    await testbed.bluetoothd.kill()
    await asyncio.sleep(0.5)  # systemd's RestartSec and the start
    await testbed.bluetoothd.start()


async def bluetoothd_hung(testbed, _band, heard):
    testbed.bluetoothd.freeze()
    await asyncio.sleep(AWAY_S)
    testbed.bluetoothd.thaw()


async def scan_refused(testbed, band, _):
    testbed.bluetoothd.adapter.stick()
    await band.disconnect()


async def switched_off(testbed, _band, _heard):
    await testbed.bluetoothd.adapter.switch(powered=False)


async def unplugged(testbed, _band, heard):
    await testbed.bluetoothd.adapter.vanish()
    await asyncio.sleep(AWAY_S)
    await testbed.bluetoothd.adapter.show()


FAULTS = {
    "headband hangs up": hangs_up,
    f"{AWAY_S:g} s out of range": out_of_range,
    "bluetoothd killed, started 0.5 s later": bluetoothd_killed,
    f"bluetoothd hung for {AWAY_S:g} s": bluetoothd_hung,
    "every scan refused until a power cycle": scan_refused,
    "adapter switched off": switched_off,
    f"adapter unplugged for {AWAY_S:g} s": unplugged,
}


async def seconds_to_recover(fault):
    async with running_testbed() as testbed:
        band = await testbed.headband(speed=5)
        async with (
            testbed.radio() as radio,
            testbed.listening(radio, jitter=random.random) as heard,
        ):
            await heard.samples(100)
            connections = heard.n_ups
            await fault(testbed, band, heard)
            began = time.monotonic()
            await heard.until(lambda heard: heard.n_ups > connections)
            await heard.samples(1)
            return time.monotonic() - began


async def measured(fault, rounds):
    times = []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            async with private_bus(Path(folder)) as address:
                os.environ["DBUS_SYSTEM_BUS_ADDRESS"] = address
                times.append(await seconds_to_recover(fault))
        await asyncio.sleep(0.05)
    return times


def main(rounds):
    logging.disable()
    for name, fault in FAULTS.items():
        times = asyncio.run(measured(fault, rounds))
        median, longest = statistics.median(times), max(times)
        sys.stdout.write(
            f"{name:<42}{median:>6.1f} s{longest:>6.1f} s  {rounds} times\n"
        )
        sys.stdout.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
