"""A TCP proxy that misbehaves on command, between a client and its broker."""

import asyncio
import socket
import struct
from contextlib import asynccontextmanager, suppress

CHUNK = 4096
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close with RST


class TcpFaults:
    """Forwards bytes to `port`, unless told otherwise.

    Attributes
    ----------
    port : int
        Where clients connect.
    up, down : str
        What happens to bytes towards the broker and back: ``"pass"``, ``"swallow"``
        (acknowledged by TCP, never delivered), ``"stall"`` (not even read) or
        ``"half"`` (half of what comes next, then the end).
    """

    def __init__(self, target):
        self.port = None
        self.up = self.down = "pass"
        self._target = target
        self._writers = set()
        self._moved = asyncio.Event()

    @asynccontextmanager
    async def serving(self):
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            self.cut()

    def cut(self, *, reset=False):
        """End every connection, cleanly or with RST."""
        for writer in self._writers:
            if reset:
                sock = writer.get_extra_info("socket")
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            writer.transport.abort() if reset else writer.close()
        self._moved.set()

    def heal(self):
        """Pass everything from now on; what was swallowed stays lost."""
        self.up = self.down = "pass"
        self._moved.set()
        self._moved = asyncio.Event()

    async def _accept(self, reader, writer):
        try:
            there = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.close()
            return
        self._writers |= {writer, there[1]}
        await asyncio.gather(
            self._pump(reader, there[1], "up"), self._pump(there[0], writer, "down")
        )
        self._writers -= {writer, there[1]}

    async def _pump(self, reader, writer, way):
        with suppress(OSError):
            while True:
                while getattr(self, way) == "stall" and not writer.is_closing():
                    await self._moved.wait()
                data = await reader.read(CHUNK)
                if not data:
                    break
                if getattr(self, way) == "pass":
                    writer.write(data)
                    await writer.drain()
                elif getattr(self, way) == "half":
                    writer.write(data[: len(data) // 2])  # cut in mid-packet
                    break
        writer.close()
