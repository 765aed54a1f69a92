"""Clients of the control socket, good and bad: none hurts the daemon or the others."""

import asyncio
import json
import os
import socket
import stat
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.acquisition.packets import Battery
from gateway.control_socket import server
from gateway.control_socket.client import ask
from gateway.control_socket.handlers import DaemonAccess
from gateway.control_socket.messages import LONGEST_REQUEST, ControlRequest
from gateway.control_socket.server import MOST_CLIENTS, ControlOptions
from gateway.control_socket.socket_path import claimed, known_socket, own_socket
from gateway.errors import AlreadyRunningError, ConfigError, GatewayError, NoDaemonError
from gateway.messages.control import (
    BeginSession,
    Control,
    EndSession,
    Mark,
    MarkLights,
    OutputHealth,
)
from gateway.messages.feed import Feed
from gateway.messages.outputs import Reading, RecordingState, SessionState

pytestmark = pytest.mark.integration

STATUS = ControlRequest("status")


class Daemon:
    """What the control socket is told of, and asks."""

    def __init__(self, path):
        self.path = path
        self.control = Control()
        self.feed = Feed(depth=100)
        self.asked = []

    def say(self, value, session="S1"):
        self.feed.put(Reading("bedroom", session, "m", "9f2c41d07a6b", (), value))

    async def obey(self):
        while True:
            command = await self.control.next()
            self.asked.append(command)
            match command:
                case BeginSession():
                    self.say(SessionState(RecordingState.IDLE), "S2")
                case EndSession():
                    self.say(SessionState(RecordingState.ENDED))

    async def ask(self, order):
        return await asyncio.to_thread(ask, self.path, order)


@asynccontextmanager
async def daemon(path):
    with claimed(path) as listener:
        served = Daemon(path)
        premises = DaemonAccess(Path("c.yaml"), ("bedroom",), path.parent)
        options = ControlOptions(listener, premises)
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(
                server.run(options, served.feed, served.control)
            )
            obeying = tasks.create_task(served.obey())
            yield served
            served.feed.close()
            await running
            obeying.cancel()


async def talk(path, *pieces):
    """Send what nobody should; return all that came back."""
    reader, writer = await asyncio.open_unix_connection(str(path))
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        writer.write_eof()
        return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


async def test_a_session_that_is_only_announced_is_begun_and_there_is_none_to_end(
    tmp_path,
):
    async with daemon(tmp_path / "s") as served:
        served.say(SessionState(RecordingState.IDLE))
        begun = await served.ask(ControlRequest("start", "bedroom"))
        assert begun["already"] is False
        ended = await served.ask(ControlRequest("stop", "bedroom"))
        assert ended["already"] is True
    assert served.asked == [BeginSession("bedroom"), EndSession("bedroom")]


async def test_a_session_is_begun_and_ended(tmp_path):
    async with daemon(tmp_path / "s") as served:
        assert (await served.ask(ControlRequest("stop", "bedroom")))["already"]
        begun = await served.ask(ControlRequest("start", "bedroom"))
        assert begun == {"device": "bedroom", "session": "S2", "already": False}
        served.say(SessionState(RecordingState.RECORDING), "S2")
        await asyncio.sleep(0)  # it is heard
        assert (await served.ask(ControlRequest("start", "bedroom")))["already"]
        served.say(SessionState(RecordingState.RECORDING))
        ended = await served.ask(ControlRequest("stop", "bedroom"))
        assert ended["session"] == "S1"
    assert served.asked == [BeginSession("bedroom"), EndSession("bedroom")]


async def test_a_mark_needs_a_session(tmp_path):
    async with daemon(tmp_path / "s") as served:
        with pytest.raises(GatewayError, match="no session of bedroom runs"):
            await served.ask(ControlRequest("mark", "bedroom", "tea"))
        await served.ask(ControlRequest("start", "bedroom"))
        await served.ask(ControlRequest("mark", "bedroom", "tea"))
        await served.ask(ControlRequest("lights", "bedroom", off=True))
    assert served.asked[1:] == [Mark("bedroom", "tea"), MarkLights("bedroom", off=True)]


async def test_a_headband_that_is_not_there_is_a_wrong_command(tmp_path):
    async with daemon(tmp_path / "s") as served:
        with pytest.raises(ConfigError, match="'kitchen'; there is bedroom"):
            await served.ask(ControlRequest("start", "kitchen"))


async def test_the_outputs_say_how_they_do_also_one_that_hangs(tmp_path, monkeypatch):
    monkeypatch.setattr("gateway.messages.control.PATIENCE_S", 0.1)
    async with daemon(tmp_path / "s") as served:
        served.control.note("terminal", OutputHealth(well=False, words="no terminal"))
        served.control.note("control", OutputHealth(well=True, words="of no interest"))
        served.control.restart_required = ("ble",)
        served.say(Battery(70))
        with served.control.telling("mqtt", asyncio.Event().wait):
            status = await served.ask(STATUS)
    assert [
        (each["name"], each["well"], each["words"]) for each in status["outputs"]
    ] == [
        ("mqtt", False, "does not say how it does"),
        ("terminal", False, "no terminal"),
    ]
    assert status["devices"][0]["battery_pct"] == 70
    assert status["restart_required"] == ["ble"]


@given(
    st.lists(st.binary(max_size=2 * LONGEST_REQUEST), max_size=4)
    | st.just([b"\n" * 50])
    | st.just([b"x" * (1 << 20)])
    | st.just([b'{"do": "status"'])
)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_a_client_sends_the_next_one_is_served(tmp_path, pieces):
    async def scene():
        async with daemon(tmp_path / "s") as served:
            async with asyncio.timeout(20):
                said = await talk(served.path, *pieces)
            for line in said.splitlines():
                assert json.loads(line)["ok"] in (True, False)
            assert (await served.ask(STATUS))["v"] == 1

    asyncio.run(scene())


async def test_who_floods_is_slowed_and_others_are_served(tmp_path):
    async with daemon(tmp_path / "s") as served:
        _, writer = await asyncio.open_unix_connection(str(served.path))
        flood = b'{"do":"status"}\n' * 200_000
        writer.write(flood)  # and none of the answers is read
        await asyncio.sleep(0.3)
        assert (await served.ask(STATUS))["v"] == 1
        assert writer.transport.get_write_buffer_size() > len(flood) // 2
        writer.close()


async def test_who_does_not_read_is_let_go(tmp_path, monkeypatch):
    monkeypatch.setattr(server, "SLOW_S", 0.2)
    monkeypatch.setattr(server, "PAUSE_S", 0.0)
    async with daemon(tmp_path / "s") as served:
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(served.path))
            client.settimeout(30)
            with pytest.raises(ConnectionError):
                await asyncio.to_thread(client.sendall, b'{"do":"status"}\n' * 100_000)
        assert (await served.ask(STATUS))["v"] == 1


async def test_there_is_a_bound_on_clients_and_a_place_after_one_goes(tmp_path):
    async with daemon(tmp_path / "s") as served:
        held = [
            await asyncio.open_unix_connection(str(served.path))
            for _ in range(MOST_CLIENTS)
        ]
        with pytest.raises(GatewayError, match="try again"):
            await served.ask(STATUS)
        held[0][1].close()
        await held[0][1].wait_closed()
        await asyncio.sleep(0.1)
        assert (await served.ask(STATUS))["v"] == 1
        for _, writer in held[1:]:
            writer.close()


async def test_owner_and_group_may_ask_and_nobody_else(tmp_path):
    umask = os.umask(0o077)  # as in the unit
    try:
        async with daemon(tmp_path / "run" / "s") as served:
            mode = served.path.stat().st_mode
    finally:
        os.umask(umask)
    assert stat.S_ISSOCK(mode)
    assert stat.S_IMODE(mode) == 0o660
    assert not served.path.exists()


def test_a_second_daemon_is_refused_and_a_dead_ones_socket_replaced(tmp_path):
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    with claimed(path):
        with pytest.raises(AlreadyRunningError, match="runs already"), claimed(path):
            pass
        assert path.exists()
    with claimed(path):
        pass


def test_nobody_there_says_what_to_do(tmp_path):
    with pytest.raises(NoDaemonError, match="systemctl start sleepgate"):
        ask(tmp_path / "s", STATUS)
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / "s"))
    with pytest.raises(NoDaemonError, match="no daemon runs"):
        ask(tmp_path / "s", STATUS)


def test_a_daemon_that_hangs_is_reported_as_such(tmp_path, monkeypatch):
    monkeypatch.setattr("gateway.control_socket.client.PATIENCE_S", 0.2)
    with claimed(tmp_path / "s"), pytest.raises(NoDaemonError, match="does not answer"):
        ask(tmp_path / "s", STATUS)


def test_a_path_too_long_for_a_socket_is_named(tmp_path):
    with pytest.raises(OSError, match="107 bytes"), claimed(tmp_path / ("x" * 120)):
        pass


def test_the_socket_is_where_systemd_says_or_the_users(tmp_path, monkeypatch):
    assert (
        own_socket() == Path(os.environ["XDG_RUNTIME_DIR"]) / "sleepgate/control.sock"
    )
    monkeypatch.setenv("RUNTIME_DIRECTORY", "/run/one:/run/two")
    assert own_socket() == Path("/run/one/control.sock")
    monkeypatch.delenv("RUNTIME_DIRECTORY")
    monkeypatch.setattr("gateway.control_socket.socket_path.SERVICE", tmp_path)
    (tmp_path / "control.sock").touch()
    assert known_socket() == tmp_path / "control.sock"  # no daemon of one's own
    own_socket().parent.mkdir()
    own_socket().touch()
    assert known_socket() == own_socket()
