"""A virtual Bluetooth controller, mended where bumble's is no model of a real one."""

import asyncio
from typing import Any

from bumble import hci
from bumble.controller import Controller
from bumble.transport.common import Transport

ACL_BYTES = 521  # the longest notification and its L2CAP header in one piece


class VirtualController(Controller):  # type: ignore[misc] # bumble is untyped here
    """A controller that forgets everything when its host goes or resets it."""

    le_acl_data_packet_length = ACL_BYTES
    pending_le_connection: Any = None

    def power_down(self) -> None:
        """Fall silent at once; peers notice after the supervision timeout."""
        self.le_scan_enable = False
        self.pending_le_connection = None
        self.le_legacy_advertiser.stop()
        for advertising_set in self.advertising_sets.values():
            advertising_set.stop()
        self.advertising_sets.clear()
        connections = list(self.le_connections.values())
        self.le_connections.clear()
        for connection in connections:
            self.link.lose(connection)

    def on_hci_packet(self, packet: hci.HCI_Packet) -> None:
        """Take a packet from the host; the parent spells out each, logged or not."""
        if isinstance(packet, hci.HCI_AclDataPacket):
            self.on_hci_acl_data_packet(packet)
        else:
            super().on_hci_packet(packet)

    def send_hci_packet(self, packet: hci.HCI_Packet) -> None:
        """Hand a packet to the host; the parent spells out each, logged or not."""
        if self.host is not None:
            asyncio.get_running_loop().call_soon(self.host.on_packet, bytes(packet))

    def on_hci_le_create_connection_cancel_command(self, _command: Any) -> Any:  # noqa: ANN401 - bumble's
        """Cancel, and say so; the parent would still connect, at any later time."""
        pending, self.pending_le_connection = self.pending_le_connection, None
        if pending is None:
            return hci.HCI_StatusReturnParameters(
                hci.HCI_ErrorCode.COMMAND_DISALLOWED_ERROR
            )
        cancelled = hci.HCI_LE_Connection_Complete_Event(
            status=hci.HCI_ErrorCode.UNKNOWN_CONNECTION_IDENTIFIER_ERROR,
            connection_handle=0,
            role=hci.Role.CENTRAL,
            peer_address_type=pending.peer_address_type,
            peer_address=pending.peer_address,
            connection_interval=0,
            peripheral_latency=0,
            supervision_timeout=0,
            central_clock_accuracy=0,
        )
        asyncio.get_running_loop().call_soon(self.send_hci_packet, cancelled)
        return hci.HCI_StatusReturnParameters(hci.HCI_ErrorCode.SUCCESS)

    def on_hci_reset_command(self, command: Any) -> Any:  # noqa: ANN401 - bumble's
        """Reset for good; the parent keeps connections and advertising."""
        self.power_down()
        return super().on_hci_reset_command(command)


class ControllerTransport(Transport):  # type: ignore[misc] # bumble is untyped here
    """A controller as the transport of a host in this process."""

    def __init__(self, controller: VirtualController) -> None:
        super().__init__(controller, controller)
        self._controller = controller

    async def close(self) -> None:
        """Take the host away from the controller."""
        self._controller.set_packet_sink(None)
        self._controller.power_down()
