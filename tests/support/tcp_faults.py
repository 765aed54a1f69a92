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
    withheld : set of int
        Types of MQTT packets that the broker says in vain; the rest passes.
    n_withheld : int
    """

    def __init__(self, target):
        self.port = None
        self.up = self.down = "pass"
        self.withheld = set()
        self.n_withheld = 0
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
        self.withheld = set()
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

    def _let_through(self, packets):
        for packet in packets:
            if packet[0] >> 4 in self.withheld:
                self.n_withheld += 1
            else:
                yield packet

    async def _pump(self, reader, writer, way):
        rest = b""
        with suppress(OSError):
            while True:
                while getattr(self, way) == "stall" and not writer.is_closing():
                    await self._moved.wait()
                data = await reader.read(CHUNK)
                if not data:
                    break
                if getattr(self, way) == "pass":
                    if way == "down":
                        packets, rest = whole_packets(rest + data)
                        data = b"".join(self._let_through(packets))
                    writer.write(data)
                    await writer.drain()
                elif getattr(self, way) == "half":
                    writer.write(data[: len(data) // 2])  # cut in mid-packet
                    break
        writer.close()


def whole_packets(data):
    """Cut MQTT's bytes into packets; return them and what is left over."""
    packets = []
    while (size := packet_size(data)) and size <= len(data):
        packets.append(data[:size])
        data = data[size:]
    return packets, data


def packet_size(data):
    """Return the first packet's size, header and all; 0 if that is not known yet."""
    length = 0
    for n, byte in enumerate(data[1:5]):
        length |= (byte & 127) << 7 * n
        if byte < 128:
            return 2 + n + length
    return 0
