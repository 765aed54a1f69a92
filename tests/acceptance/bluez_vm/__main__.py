"""Boot the guest, inflict every case on its stream and print what came of it."""

import argparse
import asyncio
import json
import logging
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path

from tests.acceptance.bluez_vm.cases import CASES, Case, Lab
from tests.acceptance.bluez_vm.fault_cost import covers, streaming_since
from tests.acceptance.bluez_vm.machine import Guest, GuestError
from tests.acceptance.bluez_vm.outcome import AGAIN_S, Outcome, inflict, last_epoch
from tests.acceptance.bluez_vm.peer import Headband, on_air
from tests.acceptance.bluez_vm.table import row, title

READY_S = 180.0
FACTS = {
    "kernel": "uname -r",
    "BlueZ": "bluetoothctl --version | grep -o '[0-9.]*$'",
    "systemd": "systemctl --version | sed -n 's/systemd \\([0-9]*\\).*/\\1/p'",
    "Python": "/opt/sleepgate/bin/python --version | grep -o '[0-9.]*$'",
    "user": "ps -o user= -p $(systemctl show -P MainPID sleepgate)",
    "groups": "id -nG sleepgate",
    "watchdog": "systemctl show -P WatchdogUSec sleepgate",
    "restart of bluetooth": "systemctl show -P Restart bluetooth",
    "exposure": "systemd-analyze security sleepgate | grep -o ': [0-9.]*' | tail -n 1",
    "peak memory": "numfmt --to=iec < "
    "/sys/fs/cgroup/system.slice/sleepgate.service/memory.peak",
}


def main() -> None:
    """Run the cases asked for; exit status 1 if one failed."""
    options = _options()
    chosen = [case for case in CASES if case.name in options.cases]
    with tempfile.TemporaryDirectory(prefix="sleepgate-bluez-") as scratch:
        work = options.keep or Path(scratch)
        work.mkdir(parents=True, exist_ok=True)
        logging.basicConfig(filename=work / "air.log", level=logging.WARNING)
        outcomes = asyncio.run(_night(options, chosen, work))
    sys.exit(any(outcome.problem for outcome in outcomes))


def _options() -> argparse.Namespace:
    names = [case.name for case in CASES]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=Path, required=True, help="guest's folder")
    parser.add_argument("--suite", required=True, help="of Debian, for the title")
    parser.add_argument(
        "--cases", type=lambda text: text.split(","), default=names, help="a,b,..."
    )
    parser.add_argument("--keep", type=Path, help="folder for logs; default: none")
    options = parser.parse_args()
    unknown = [name for name in options.cases if name not in names]
    if unknown:
        parser.error(f"no case {', '.join(unknown)}; there are {', '.join(names)}")
    return options


async def _night(
    options: argparse.Namespace, chosen: Sequence[Case], work: Path
) -> list[Outcome]:
    hci, other = work / "hci.sock", work / "band.sock"
    guest = Guest(options.images, work, hci)
    band = Headband(other, work / "headband.log", work / "bonds.json")
    outcomes: list[Outcome] = []
    async with AsyncExitStack() as stack:
        air = await stack.enter_async_context(on_air(hci, other))
        stack.push_async_callback(band.switch_off)
        stack.push_async_callback(guest.close)
        first = await _first_night(guest, band)
        outcomes.append(first)
        facts = {
            n: (await guest.attempt(ask))[1].strip(": \n") for n, ask in FACTS.items()
        }
        facts["load of the host"] = f"{os.getloadavg()[0]:.1f} on {os.cpu_count()} CPUs"
        print(title(options.suite, facts))
        print(row(first), flush=True)
        if first.problem is None:
            for case in chosen:
                outcomes.append(await inflict(Lab(guest, air, band), case))
                print(row(outcomes[-1]), flush=True)
        (work / "outcomes.json").write_text(
            json.dumps(
                {
                    "date": datetime.now(UTC).date().isoformat(),
                    "suite": options.suite,
                    **facts,
                    "outcomes": [outcome._asdict() for outcome in outcomes],
                },
                indent=1,
            )
            + "\n"
        )
    return outcomes


async def _first_night(guest: Guest, band: Headband) -> Outcome:
    """Switch everything on for the first time, and wait for the first whole epoch."""
    t, problem, again_s = asyncio.get_running_loop().time(), None, None
    await band.switch_on()
    try:
        await guest.boot()
        await guest.until(
            lambda: streaming_since(guest.messages, t) is not None,
            READY_S + AGAIN_S,
            "the daemon does not stream",
        )
        since = streaming_since(guest.messages, t)
        again_s = None if since is None else since - t
        wall_s = time.time()
        await guest.until(
            lambda: (last := last_epoch(guest)) is not None and covers(last, wall_s),
            READY_S,
            "no epoch",
        )
    except GuestError as error:
        problem = str(error)
    said = tuple(guest.said(t))
    return Outcome("boot", again_s, 0.0, 0, (), problem, said)


if __name__ == "__main__":
    main()
