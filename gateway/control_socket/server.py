"""The daemon's end of the control socket: one more output, that answers."""

import asyncio
import logging
import socket
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from gateway.acquisition.loss_counts import LossCounts
from gateway.acquisition.packets import Battery
from gateway.ble.link_state import LinkReading
from gateway.control_socket.handlers import ControlHandlers, DaemonAccess
from gateway.control_socket.messages import LONGEST_REQUEST, refusal_line
from gateway.daemon.active_sink import ActiveSink, active_sink
from gateway.errors import RequestError
from gateway.messages.control import Control
from gateway.messages.feed import Feed
from gateway.messages.outputs import Availability, Reading, SessionState
from gateway.sinks import Sink
from gateway.staging.scored_epoch import ScoredEpoch
from gateway.staging.sleep_statistics import NightSummary

log = logging.getLogger(__name__)

MOST_CLIENTS = 8
IDLE_S = 30.0  # a client that asks nothing for so long is let go
SLOW_S = 5.0  # and one that does not read its answer for so long
PAUSE_S = 0.02  # between the requests of one client
WANTS = (
    *(Availability, Battery, LinkReading, NightSummary),
    *(ScoredEpoch, SessionState, LossCounts),
)


@dataclass(frozen=True, slots=True)
class ControlOptions:
    """Options of the control socket: one that listens, and what it may answer."""

    listener: socket.socket
    premises: DaemonAccess


class ControlServer:
    """Serves clients, none of which can hurt the daemon or the others.

    Parameters
    ----------
    handlers : ControlHandlers
    """

    def __init__(self, handlers: ControlHandlers) -> None:
        self._handlers = handlers
        self._closing = False
        self._clients: set[asyncio.Task[Any] | None] = set()

    async def serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Answer one client until it goes, or is of no use."""
        task = asyncio.current_task()
        self._clients.add(task)
        try:
            with suppress(OSError, TimeoutError):
                if len(self._clients) > MOST_CLIENTS:
                    busy = f"{MOST_CLIENTS} others are being served; try again"
                    await _say(writer, refusal_line(RequestError("busy", busy)))
                else:
                    await self._talk(reader, writer)
                writer.close()
                async with asyncio.timeout(SLOW_S):
                    await writer.wait_closed()
        except asyncio.CancelledError:
            if not self._closing:  # else asyncio of Python 3.11 would complain
                raise
        finally:
            self._clients.discard(task)
            writer.transport.abort()

    async def close(self) -> None:
        """Let every client go."""
        self._closing = True
        clients = [client for client in self._clients if client is not None]
        for client in clients:
            client.cancel()
        await asyncio.gather(*clients, return_exceptions=True)

    async def _talk(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while True:
            try:
                async with asyncio.timeout(IDLE_S):
                    line = await reader.readuntil(b"\n")
            except asyncio.IncompleteReadError:
                return
            except asyncio.LimitOverrunError:
                what = f"a request of more than {LONGEST_REQUEST} bytes"
                await _say(writer, refusal_line(RequestError("bad_request", what)))
                return
            await _say(writer, await self._handlers.answer(line))
            await asyncio.sleep(PAUSE_S)


async def run(options: ControlOptions, feed: Feed[Reading], control: Control) -> None:
    """Serve until `feed` ends."""
    handlers = ControlHandlers(options.premises, control)
    clients = ControlServer(handlers)
    server = await asyncio.start_unix_server(
        clients.serve, sock=options.listener, limit=LONGEST_REQUEST
    )
    try:
        await handlers.follow(feed)
    finally:
        server.close()
        await clients.close()


def control_outlet(listener: socket.socket, premises: DaemonAccess) -> ActiveSink:
    """Return the output that serves `listener`."""
    sink = Sink("control", ControlOptions, WANTS, run)
    return active_sink(sink, ControlOptions(listener, premises))


async def _say(writer: asyncio.StreamWriter, line: bytes) -> None:
    writer.write(line)
    async with asyncio.timeout(SLOW_S):
        await writer.drain()
