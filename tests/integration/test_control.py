"""A running daemon with two sleepers, asked and told through its socket."""

import asyncio
import json
import os
import signal
import sys
import tempfile
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from gateway.control_socket.client import ask
from gateway.control_socket.messages import ControlRequest
from gateway.control_socket.socket_path import own_socket
from gateway.errors import NoDaemonError
from sim.devices.diy import DiyDevice
from sim.night.synthetic_night import synthetic_night
from sim.radio.peripheral import headband
from sim.radio.virtual_link import VirtualLink

pytestmark = pytest.mark.integration

SCHEMA = json.loads(
    (
        Path(__file__).parents[2] / "gateway" / "formats" / "schemas" / "status.v1.json"
    ).read_text()
)
SLEEPERS = {"anna": "F0:F1:F2:F3:F4:01", "ben": "F0:F1:F2:F3:F4:02"}
SPEED = 15.0
PATIENCE_S = 60


@pytest.fixture(autouse=True)
def _patient(monkeypatch):
    """Wait for a daemon on a machine that has other things to do."""
    monkeypatch.setattr("gateway.control_socket.client.PATIENCE_S", PATIENCE_S)


class House:
    """Two headbands on the air, and a daemon in a process of its own."""

    def __init__(self, folder):
        self.config = folder / "c.yaml"
        self.process = None
        devices = "".join(
            f"  - {{name: {name}, address: '{address}'}}\n"
            for name, address in SLEEPERS.items()
        )
        self.config.write_text(
            f"devices:\n{devices}"
            f"ble: {{backend: simulated, transport: 'unix:{folder}/hci'}}\n"
            f"outputs: {{mqtt: {{port: 1, journal: {{path: {folder}/j}}}}}}\n"
        )

    async def start(self):
        self.process = await self._sleepgate("run", "--config", self.config)

    async def shell(self, *arguments):
        """Return exit code, stdout and stderr of a verb."""
        process = await self._sleepgate(*arguments)
        out, err = await process.communicate()
        return process.returncode, out.decode(), err.decode()

    async def ask(self, *order, **more):
        return await asyncio.to_thread(
            ask, own_socket(), ControlRequest(*order, **more)
        )

    async def device(self, name):
        status = await self.ask("status")
        Draft202012Validator(SCHEMA).validate(status)
        return next(each for each in status["devices"] if each["name"] == name)

    async def epochs(self, name, least):
        """Wait for so many epochs of the session that runs."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                epoch = (await self.device(name))["epoch"]
                if epoch is not None and epoch["index"] + 1 >= least:
                    return epoch
                await asyncio.sleep(0.1)

    async def _sleepgate(self, *arguments):
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "gateway", *map(str, arguments)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )


@asynccontextmanager
async def housed(until):
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        air = VirtualLink()
        await stack.enter_async_context(air.serve(f"unix-server:{folder}/hci"))
        for seed, address in enumerate(SLEEPERS.values()):
            recording, _ = synthetic_night(seed, 2.0)
            firmware = DiyDevice(recording.montage, recording.counts, boot_id=seed)
            band = headband(firmware, air.plug(), address=address, speed=SPEED)
            await stack.enter_async_context(band)
        house = House(folder)
        await house.start()
        try:
            await until(own_socket().exists, "the control socket", PATIENCE_S)
            yield house
        finally:
            if house.process.returncode is None:
                house.process.terminate()
            _, log = await house.process.communicate()
            print(log.decode())  # noqa: T201 (pytest shows it of a test that fails)


async def test_two_sleepers_in_one_daemon_are_told_apart(until):
    async with housed(until) as house:
        for name in SLEEPERS:
            assert (await house.epochs(name, 2))["quality"]
        sessions = {(await house.device(name))["session"]["id"] for name in SLEEPERS}
        assert len(sessions) == 2
        code, out, _ = await house.shell("stop", "anna")
        assert (code, "has ended after" in out) == (0, True), out
        assert (await house.device("anna"))["session"]["state"] == "none"
        now = (await house.epochs("ben", 1))["index"]
        await house.epochs("ben", now + 3)
        code, _, err = await house.shell("mark", "anna", "tea")
        assert (code, "no session of anna runs" in err) == (1, True)
        assert (await house.shell("mark", "ben", "tea"))[0] == 0
        assert (await house.shell("mark", "ben", "--lights-off"))[0] == 0
        code, out, _ = await house.shell("start", "anna", "--json")
        begun = json.loads(out)
        assert (begun["already"], begun["session"] in sessions) == (False, False)
        assert (await house.epochs("anna", 1))["index"] < now
        code, _, err = await house.shell("run", "--config", house.config)
        assert (code, "a daemon runs already" in err) == (1, True)
        code, out, _ = await house.shell("status", "--json")
        Draft202012Validator(SCHEMA).validate(json.loads(out))


async def test_a_daemon_that_was_killed_leaves_nothing_in_the_way(until):
    async with housed(until) as house:
        house.process.kill()
        await house.process.communicate()
        code, _, err = await house.shell("status")
        assert (code, "no daemon runs" in err) == (1, True)
        assert own_socket().exists()
        await house.start()
        for _ in range(10 * PATIENCE_S):
            with suppress(NoDaemonError):
                if (await house.ask("status"))["pid"] == house.process.pid:
                    return
            await asyncio.sleep(0.1)
        pytest.fail("the new daemon does not answer")


async def test_a_reload_is_applied_reported_as_waiting_or_refused(until):
    async with housed(until) as house:
        text = house.config.read_text()

        async def reload(new):
            house.config.write_text(new)
            os.kill(house.process.pid, signal.SIGHUP)

        async def status_when(reached):
            for _ in range(10 * PATIENCE_S):
                status = await house.ask("status")
                if reached(status):
                    return status
                await asyncio.sleep(0.1)
            pytest.fail("no such status")

        before = (await house.ask("status"))["devices"][0]["session"]["id"]
        await reload(text.replace("port: 1,", "port: 2,") + "staging: {mains_hz: 60}\n")
        status = await status_when(lambda status: status["restart_required"])
        assert status["restart_required"] == ["staging"]
        await status_when(lambda s: "localhost:2" in str(s["outputs"]))
        await reload(text + "bel: {}\n")
        status = await status_when(lambda status: status["config_problems"])
        assert "bel: unknown key; ble?" in status["config_problems"][0]
        assert status["devices"][0]["session"]["id"] == before
