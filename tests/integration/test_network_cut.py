"""A broker behind a network that goes away, in a namespace of its own."""

import asyncio
import os
import shutil
import subprocess
from contextlib import ExitStack, asynccontextmanager, contextmanager

import pytest

from sim.local_broker import SEARCHED
from tests.support.mosquitto import Listener, until
from tests.support.sink_under_fault import PATIENCE_S, scoring, warnings

pytestmark = pytest.mark.integration

OURS, THEIRS = "198.18.77.1", "198.18.77.2"  # RFC 2544: for tests of networks
PORT = 1883
NOBODY = "02:00:00:00:00:99"


def ip(command):
    tried = subprocess.run(
        ["ip", *command.split()], check=False, capture_output=True, text=True
    )
    if tried.returncode:
        raise OSError(f"ip {command}: {tried.stderr.strip()}")


class Network:
    """A cable between us and a namespace."""

    def __init__(self):
        name = f"sg{os.getpid() % 100_000}"
        self.namespace, self.ours, self.theirs = name, f"{name}a", f"{name}b"

    @contextmanager
    def laid(self):
        with ExitStack() as undo:
            try:
                ip(f"netns add {self.namespace}")
                undo.callback(ip, f"netns del {self.namespace}")
                ip(
                    f"link add {self.ours} type veth "
                    f"peer name {self.theirs} netns {self.namespace}"
                )
                self.up()
            except (OSError, FileNotFoundError) as error:
                pytest.skip(f"network namespaces are not permitted here: {error}")
            yield self

    def up(self):
        ip(f"address replace {OURS}/30 dev {self.ours}")
        ip(f"link set {self.ours} up")
        ip(f"-n {self.namespace} address replace {THEIRS}/30 dev {self.theirs}")
        ip(f"-n {self.namespace} link set {self.theirs} up")

    def cut(self, how):
        if how == "unplugged":
            ip(f"-n {self.namespace} link set {self.theirs} down")
        else:  # every packet goes to a card that is not there: nobody hears of it
            ip(f"neigh replace {THEIRS} lladdr {NOBODY} nud permanent dev {self.ours}")
            ip(
                f"-n {self.namespace} neigh replace {OURS} lladdr {NOBODY} "
                f"nud permanent dev {self.theirs}"
            )

    def mend(self, how):
        if how == "unplugged":
            self.up()
        else:
            ip(f"neigh del {THEIRS} dev {self.ours}")
            ip(f"-n {self.namespace} neigh del {OURS} dev {self.theirs}")


@asynccontextmanager
async def broker_behind(network, folder):
    """Mosquitto over there; yield a socket that leads to it by another way."""
    program = shutil.which("mosquitto", path=SEARCHED)
    if program is None:
        pytest.skip("no mosquitto on this machine")
    side_door = str(folder / "side-door")
    config = folder / "mosquitto.conf"
    config.write_text(
        f"listener {PORT} {THEIRS}\nlistener 0 {side_door}\nallow_anonymous true\n"
        "user root\nmax_queued_messages 0\n"
    )
    process = await asyncio.create_subprocess_exec(
        *("ip", "netns", "exec", network.namespace, program, "-c", config),
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        await until(lambda: os.path.exists(side_door), "the broker")  # noqa: PTH110 - of memory
        yield side_door
    finally:
        process.terminate()
        await process.wait()


@pytest.mark.parametrize("how", ["unplugged", "silent"])
async def test_a_network_that_goes_away_and_comes_back_loses_nothing(
    tmp_path, scored, caplog, how
):
    with Network().laid() as network:
        async with broker_behind(network, tmp_path) as side_door:
            listener = Listener(side_door, "sleepgate/#")
            await until(lambda: listener.ready, "a subscription")
            async with scoring(PORT, tmp_path, scored, THEIRS, keepalive_s=5) as night:
                await night.arrived(listener)
                network.cut(how)
                await night.record(20)
                await until(
                    lambda: warnings(caplog, "lost the broker"), "a loss", PATIENCE_S
                )
                await night.record(20)
                network.mend(how)
                await night.arrived(listener)
                await night.settled()
            await asyncio.to_thread(listener.stop)
