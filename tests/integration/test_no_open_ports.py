"""Nobody can connect to the daemon over a network: it only ever calls out."""

import os
import socket

import psutil
import pytest

pytestmark = pytest.mark.integration


def open_ports():
    """List what this process listens on or receives at, on any network."""
    return [
        there.laddr
        for there in psutil.Process(os.getpid()).net_connections(kind="inet")
        if there.status == psutil.CONN_LISTEN or there.type == socket.SOCK_DGRAM
    ]


async def test_a_daemon_with_everything_on_opens_no_port(chain):
    before = open_ports()
    async with chain() as running:
        await running.listener.until(
            lambda: running.listener.on("bridge/state"), "the daemon on MQTT"
        )
        assert open_ports() == before
        with socket.create_server(("127.0.0.1", 0)):
            assert len(open_ports()) == len(before) + 1  # it would have been seen
