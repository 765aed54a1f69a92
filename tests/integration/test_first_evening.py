"""The first evening of a new user without hardware, by the real commands."""

import asyncio
import json
import os
import sys
import tempfile
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
import pytest_asyncio
import yaml

pytestmark = pytest.mark.integration

ADDRESS = "F0:F1:F2:F3:F4:F5"
PATIENCE_S = 60


@asynccontextmanager
async def started(*arguments):
    """Run a program of ours beside, and end it politely."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        *map(str, arguments),
        stdin=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


class House:
    """A radio, a configuration that is not there yet, and a shell."""

    def __init__(self, folder):
        self.folder = folder
        self.config = folder / "sleepgate.yaml"
        self.radio = f"unix:{folder}/hci1"

    async def shell(self, verb, *arguments):
        """Return exit code, stdout and stderr of a verb."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "gateway", verb, "--config", str(self.config)),
            *map(str, arguments),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "TERM": "dumb"},
        )
        async with asyncio.timeout(PATIENCE_S):
            out, err = await process.communicate()
        return process.returncode, out.decode(), err.decode()

    def headband(self, *knobs):
        """Play a night on the other radio."""
        where = ("--transport", f"unix:{self.folder}/hci0")
        return started("gateway", "sim", "--synthetic", "--hours", "1", *where, *knobs)


@pytest_asyncio.fixture
async def house(until):
    with tempfile.TemporaryDirectory() as name:  # a short path, for the sockets
        folder = Path(name)
        radios = [folder / f"hci{n}" for n in range(2)]
        async with started("sim", *(f"unix-server:{radio}" for radio in radios)):
            await until(lambda: all(map(Path.exists, radios)), "an air")
            yield House(folder)


async def test_from_nothing_to_stages_and_back(house, broker, listening):
    async with house.headband("--driver", "muse_athena", "--speed", "1"):
        radio = ("--transport", house.radio)
        code, out, err = await house.shell("find", *radio, "--seconds", "4", "--json")
        assert code == 0, err
        (found,) = json.loads(out)
        assert found["address"] == ADDRESS
        assert found["kinds"] == ["muse_athena", "muse_classic"]

        code, out, err = await house.shell(
            "pair", "--auto", "--name", "Bedroom", *radio
        )
        assert code == 0, err
        assert "of 256 samples/s   0.00 s lost" in out
        written = yaml.safe_load(house.config.read_text())
        assert written["devices"] == [
            {"name": "bedroom", "driver": "muse_athena", "address": ADDRESS}
        ]

        code, out, err = await house.shell("fit", "bedroom", "--seconds", "3", "--json")
        assert code == 0, err
        fits = [json.loads(line) for line in out.splitlines()]
        labels = ["TP9", "AF7", "AF8", "TP10"]
        assert [[e["label"] for e in fit["electrodes"]] for fit in fits] == [labels] * 3
        states = [electrode["state"] for electrode in fits[-1]["electrodes"]]
        assert states == ["good"] * 4

        code, out, err = await house.shell("devices", "--json")
        assert (code, json.loads(out)[0]["name"]) == (0, "bedroom"), err

        mqtt = {"host": broker.host, "port": broker.port}
        settings = house.config.read_text().replace("mqtt: {}", f"mqtt: {mqtt}")
        house.config.write_text(settings)
        async with (
            listening(broker) as listener,
            started("gateway", "run", "--config", house.config),
        ):
            await listener.until(
                lambda: listener.on("bedroom/availability"), "a headband on the topic"
            )
            # the daemon has the radio now: one program at a time
            code, _, err = await house.shell("fit", "bedroom")
            assert code == 3
            assert "end it first" in err

        assert (await house.shell("unpair", "bedroom"))[0] == 0
        left = house.config.read_text()
        assert yaml.safe_load(left)["devices"] == []
        assert left.startswith("# sleepgate.yaml, begun by")


async def test_a_bond_is_made_by_pair_and_used_by_every_later_command(house):
    radio = ("--transport", house.radio)
    knobs = ("--security", "passkey")
    async with house.headband(*knobs):
        code, _, err = await house.shell("pair", ADDRESS, *radio, "--passkey", "111111")
        assert code == 3
        assert "wrong passkey" in err
        assert not house.config.exists()
    async with house.headband("--security", "just-works"):
        code, _, err = await house.shell("pair", ADDRESS, *radio)
        assert code == 0, err
        _, out, _ = await house.shell("devices", "--json")
        assert json.loads(out)[0]["bonded"] is True
        code, _, err = await house.shell("fit", "bedroom", "--seconds", "1")
        assert code == 0, err
    async with house.headband("--security", "just-works"):  # and no bond any more
        code, _, err = await house.shell("fit", "bedroom")
        assert code == 3
        assert "--replace" in err


async def test_without_an_air_the_next_step_is_to_start_one(house):
    radio = ("--transport", f"unix:{house.folder}/none")
    code, out, err = await house.shell("find", *radio)
    assert (code, out) == (3, "")
    assert "next: start the air" in err
