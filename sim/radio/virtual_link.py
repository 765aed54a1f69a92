"""Virtual link: Bluetooth controllers that reach each other, and what can go wrong.

Each controller is plugged into a host in this process (`VirtualLink.plug`), or served
on a socket to a host in another (`VirtualLink.serve`). A host that vanishes, because
its process was killed, is like a device without power: its peers see a supervision
timeout.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from bumble import hci
from bumble.controller import Connection, Controller
from bumble.core import InvalidPacketError, PhysicalTransport
from bumble.link import LocalLink
from bumble.transport import open_transport
from bumble.transport.common import PacketParser, Transport

from sim.radio.virtual_controller import ControllerTransport, VirtualController

SUPERVISION_S = 0.42  # what Linux asks for
TIMED_OUT = int(hci.HCI_ErrorCode.CONNECTION_TIMEOUT_ERROR)
COMPANY = "00:00:5E:00:53"  # documentation addresses, RFC 7042


class VirtualLink(LocalLink):  # type: ignore[misc] # bumble is untyped here
    """State that all controllers share."""

    def __init__(self, supervision_s: float = SUPERVISION_S) -> None:
        super().__init__()
        self._supervision_s = supervision_s
        self._held: list[tuple[Any, ...]] | None = None
        self._sockets: set[_Socket] = set()  # of the hosts that are connected

    def hold_hosts(self, *, hold: bool) -> None:
        """Stop reading from the hosts behind sockets, or go on.

        They wait, as for any controller that is busy; nothing is lost. A replay that
        is faster than its receiver is slowed down by this.
        """
        for socket in self._sockets:
            socket.hold(hold=hold)

    def controller(self) -> VirtualController:
        """Add a controller."""
        n = len(self.controllers)
        return VirtualController(
            f"C{n}", link=self, public_address=f"{COMPANY}:{n:02X}"
        )

    def plug(self) -> Transport:
        """Add a controller, and return it as a transport for a host here."""
        return ControllerTransport(self.controller())

    @asynccontextmanager
    async def serve(self, *names: str) -> AsyncIterator[None]:
        """Add a controller behind each bumble transport name, while entered.

        ``unix-server:PATH`` and ``tcp-server:HOST:PORT`` take one host after the
        other; a second one at a time is turned away.
        """
        async with AsyncExitStack() as stack:
            for name in names:
                served = _served(self.controller(), name, self._sockets)
                await stack.enter_async_context(served)
            yield

    async def outage(self, seconds: float) -> None:
        """Take everything out of range for `seconds`.

        Shorter than the supervision timeout: a pause, then all that was held back.
        Longer: every connection is lost, and nothing is advertised meanwhile.
        """
        self._held = []
        await asyncio.sleep(min(seconds, self._supervision_s))
        if seconds > self._supervision_s:
            self._held.clear()
            for controller in self.controllers:
                for connection in list(controller.le_connections.values()):
                    controller.on_le_disconnected(connection, TIMED_OUT)
            await asyncio.sleep(seconds - self._supervision_s)
        held, self._held = self._held, None
        for acl in held:
            self.send_acl_data(*acl)

    def lose(self, gone: Connection) -> None:
        """Let the peer of `gone` notice after the supervision timeout."""
        peer = self.find_le_controller(gone.peer_address)
        connection = peer and peer.le_connections.get(gone.self_address)
        if connection is None:
            return

        def time_out() -> None:
            # not if it ended meanwhile, or began anew
            if peer.le_connections.get(gone.self_address) is connection:
                peer.on_le_disconnected(connection, TIMED_OUT)

        asyncio.get_running_loop().call_later(self._supervision_s, time_out)

    def send_acl_data(
        self,
        sender_controller: Controller,
        destination_address: hci.Address,
        transport: PhysicalTransport,
        data: bytes,
    ) -> None:
        """Carry data, from the address its connection was made with.

        bumble stamps it with the random address of the sender, which a peer does not
        know when the central scanned with one address and connected with another.
        """
        if self._held is not None:
            acl = (sender_controller, destination_address, transport, data)
            self._held.append(acl)
            return
        sent_over = sender_controller.le_connections.get(destination_address)
        destination = self.find_le_controller(destination_address)
        if sent_over is None or destination is None:
            return

        def arrive() -> None:
            if sent_over.self_address in destination.le_connections:
                destination.on_link_acl_data(sent_over.self_address, transport, data)

        asyncio.get_running_loop().call_soon(arrive)

    def send_advertising_pdu(
        self,
        sender_controller: Controller,
        packet: Any,  # noqa: ANN401 - bumble's
    ) -> None:
        """Carry an advertisement or a connection request, unless out of range."""
        if self._held is None:
            super().send_advertising_pdu(sender_controller, packet)

    def send_ll_control_pdu(
        self,
        sender_address: hci.Address,
        receiver_address: hci.Address,
        packet: Any,  # noqa: ANN401 - bumble's
    ) -> None:
        """Carry link control, unless out of range or to one who is gone."""
        receiver = self.find_le_controller(receiver_address)
        if self._held is None and receiver is not None:
            super().send_ll_control_pdu(sender_address, receiver_address, packet)


class _Socket(asyncio.Protocol):
    """One host of a served controller."""

    def __init__(
        self, controller: VirtualController, connected: "set[_Socket]"
    ) -> None:
        self._controller = controller
        self._connected = connected
        self._parser = PacketParser(controller)
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - for mypy
        if self._controller.host is not None:
            transport.abort()
            return
        self._transport = transport
        self._connected.add(self)
        self._controller.set_packet_sink(self)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except InvalidPacketError:
            self.abort()  # not HCI, or out of step for good

    def hold(self, *, hold: bool) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        if hold and self._transport.is_reading():
            self._transport.pause_reading()
        elif not hold and not self._transport.is_reading():
            self._transport.resume_reading()

    def connection_lost(self, _: Exception | None) -> None:
        self._connected.discard(self)
        if self._controller.host is self:
            self._controller.set_packet_sink(None)
            self._controller.power_down()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def on_packet(self, packet: bytes) -> None:
        if self._transport is not None:
            self._transport.write(packet)


@asynccontextmanager
async def _served(
    controller: VirtualController, name: str, connected: set[_Socket]
) -> AsyncIterator[None]:
    loop = asyncio.get_running_loop()
    scheme, _, where = name.partition(":")
    if scheme == "unix-server":
        server = await loop.create_unix_server(
            lambda: _Socket(controller, connected), where
        )
    elif scheme == "tcp-server":
        host, _, port = where.rpartition(":")
        server = await loop.create_server(
            lambda: _Socket(controller, connected),
            None if host == "_" else host,
            int(port),
        )
    else:
        async with await open_transport(name) as transport:
            transport.source.set_packet_sink(controller)
            controller.set_packet_sink(transport.sink)
            yield
        return
    try:
        yield
    finally:
        server.close()
        if isinstance(controller.host, _Socket):
            controller.host.abort()
