"""The agents that have registered with the fake bluetoothd."""

from typing import NamedTuple

from dbus_fast import Message, MessageType
from dbus_fast.aio import MessageBus


class Agent(NamedTuple):
    """Who has registered to be asked."""

    bus: MessageBus
    sender: str
    path: str
    capability: str
    device: str = ""

    async def ask(self, member, signature="", *body):
        """Ask it about `device`; None: it said no."""
        call = Message(
            destination=self.sender,
            path=self.path,
            interface="org.bluez.Agent1",
            member=member,
            signature="o" + signature,
            body=[self.device, *body],
        )
        reply = await self.bus.call(call)
        if reply.message_type is MessageType.ERROR:
            return None
        return reply.body[0] if reply.body else True

    async def tell(self, member):
        """Call what takes no device: Cancel or Release."""
        call = Message(
            destination=self.sender,
            path=self.path,
            interface="org.bluez.Agent1",
            member=member,
        )
        await self.bus.call(call)
