"""org.bluez as bleak and we need it, on a private bus, with a radio made of bumble.

It has what can go wrong with the real one: it is killed, it hangs, it refuses.
"""

import asyncio
import re

from dbus_fast import BusType, Message, MessageType
from dbus_fast.aio import MessageBus

from tests.support.fake_bluez.adapter import Adapter
from tests.support.fake_bluez.agents import Agent
from tests.support.fake_bluez.central import Central
from tests.support.fake_bluez.objects import OBJECTS, PROPERTIES, Objects, Refusal

THE_BUS = "org.freedesktop.DBus"
AGENTS = "org.bluez.AgentManager1"


class Bluetoothd:
    """The daemon; `start` and `kill` it, `freeze` and `thaw` it.

    Attributes
    ----------
    calls : list of str
        Every method called so far, e.g. ``"Adapter1.StartDiscovery"``.
    bugs : list of Exception
        What went wrong here and should not have.
    """

    def __init__(self, transport):
        self.calls = []
        self.bugs = []
        self.agents = {}
        self.objects = Objects(self._emit)
        self.central = Central(transport, self._heard)
        self.adapter = None
        self._bus = None
        self._tasks = set()
        self._refusals = {}
        self._thawed = asyncio.Event()
        self._thawed.set()
        self._late = []
        self._fatal = None

    async def start(self, **adapter):
        """Come up, with the bonds of before and nothing else."""
        if not self.central.host.powered_on:
            await self.central.power_on()
        self._thawed.set()
        self._late.clear()
        self._bus = await MessageBus(bus_type=BusType.SYSTEM).connect()
        # dbus-fast gives the bus up where a full socket only means: later
        self._bus._writer.sock = _Patient(self._bus._sock)  # noqa: SLF001
        self._bus.add_message_handler(self._on_message)
        await self._bus.call(_match_owners())
        self.adapter = Adapter(self, **adapter)
        await self._bus.request_name("org.bluez")
        self.objects.add("/org/bluez", AGENTS, {}, self)
        await self.adapter.show()

    async def kill(self):
        """Be gone without a word, connections and all."""
        bus, self._bus = self._bus, None
        bus.disconnect()
        await self._settle()
        self.objects.clear()
        self.agents.clear()
        await self.central.scan(on=False)
        await self.central.leave_all()

    async def close(self):
        """End for good."""
        if self._bus is not None:
            await self.kill()
        await self.central.close()

    def freeze(self):
        """Answer nobody and tell nothing, until `thaw`."""
        self._thawed.clear()

    def thaw(self):
        """Go on, with all that has come meanwhile."""
        self._thawed.set()
        late, self._late = self._late, []
        for signal in late:
            self._send(signal)

    def freeze_at(self, member):
        """Freeze when `member` is called, before it is done."""
        self._fatal = member

    def refuse(self, member, error, text="", times=10**6):
        """Answer `member` with an error, so many times."""
        self._refusals[member] = [Refusal(error, text)] * times

    def agent(self, device):
        """Return the agent to ask about `device`; None if there is none."""
        for agent in reversed(self.agents.values()):
            return agent._replace(device=device)
        return None

    def spawn(self, work):
        """Do something beside; it ends with the daemon."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    async def register_agent(self, sender, path, capability):
        if sender in self.agents:
            raise Refusal("AlreadyExists", "Already Exists")
        self.agents[sender] = Agent(self._bus, sender, path, capability)

    async def request_default_agent(self, sender, _path):
        if sender not in self.agents:
            raise Refusal("DoesNotExist", "Does Not Exist")

    async def unregister_agent(self, sender, _path):
        if self.agents.pop(sender, None) is None:
            raise Refusal("DoesNotExist", "Does Not Exist")

    def _heard(self, advertisement):
        if self._bus is not None:
            self.adapter.heard(advertisement)

    def _ended(self, task):
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self.bugs.append(task.exception())

    async def _settle(self):
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _emit(self, path, interface, member, signature, *body):
        self._send(Message.new_signal(path, interface, member, signature, list(body)))

    def _send(self, message):
        if self._bus is None:
            return
        if self._thawed.is_set():
            self._bus.send(message)
        else:
            self._late.append(message)

    def _on_message(self, message):
        if message.member == "NameOwnerChanged" and message.sender == THE_BUS:
            name, _, new = message.body
            if not new:
                self.spawn(self._left(name))
            return None
        ours = message.message_type is MessageType.METHOD_CALL
        if not ours or message.interface.startswith("org.freedesktop.DBus.Peer"):
            return None
        self.spawn(self._serve(message))
        return True

    async def _left(self, name):
        self.agents.pop(name, None)
        await self.adapter.left(name)

    async def _serve(self, call):
        if call.member == self._fatal:
            self._fatal = None
            self.freeze()
        await self._thawed.wait()
        self.calls.append(f"{call.interface.rpartition('.')[2]}.{call.member}")
        try:
            answer = await self._handle(call)
        except Refusal as no:
            reply = Message.new_error(call, no.name, no.text)
        else:
            signature, *body = answer or ("",)
            reply = Message.new_method_return(call, signature, body)
        self._send(reply)

    async def _handle(self, call):
        if pending := self._refusals.get(call.member):
            raise pending.pop()
        if call.interface == OBJECTS:
            return await self.objects.get_managed_objects()
        method = re.sub(r"(?<!^)(?=[A-Z])", "_", call.member).lower()
        if call.interface != PROPERTIES:
            served = self.objects.served(call.path, call.interface)
            return await getattr(served, method)(call.sender, *call.body)
        if call.member == "Set":
            interface, name, value = call.body
            served = self.objects.served(call.path, interface)
            return await served.set(call.sender, name, value)
        return await getattr(self.objects, method)(call.path, *call.body)


class _Patient:
    """A socket that has sent nothing when it is full."""

    def __init__(self, socket):
        self._socket = socket

    def __getattr__(self, name):
        return getattr(self._socket, name)

    def send(self, data):
        try:
            return self._socket.send(data)
        except BlockingIOError:
            return 0


def _match_owners():
    return Message(
        destination=THE_BUS,
        path="/org/freedesktop/DBus",
        interface=THE_BUS,
        member="AddMatch",
        signature="s",
        body=[f"type='signal',sender='{THE_BUS}',member='NameOwnerChanged'"],
    )
