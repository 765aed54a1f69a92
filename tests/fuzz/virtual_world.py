"""World around a daemon under fuzzing: its time, its wall clock, a broker, the air.

All within one process and in virtual time. The daemon's own code runs from the edge
inward: paho's network thread and bleak are replaced, what stands on them is not.
"""

import asyncio
import logging
import random
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import chain, repeat
from types import SimpleNamespace
from unittest.mock import patch

from paho.mqtt.client import MQTTMessage
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode

import gateway
from gateway.acquisition.packets import Notification
from gateway.ble import reconnect
from gateway.ble.link_state import LinkEvent
from gateway.ble.notification_queue import NotificationQueue
from gateway.ble.radio import Advertisement, RadioConnection
from gateway.drivers import Read, Write
from gateway.errors import DecodeError, LinkError
from gateway.host import metrics
from gateway.journal.journal import Journal
from gateway.models.load import read_model
from gateway.mqtt import connection
from sim.device import DeviceSettings
from sim.devices import diy as sim_diy
from sim.night.synthetic_night import synthetic_night
from sim.virtual_time import VirtualTimeLoop

GOOD, EVIL = "good", "evil"
ADDRESS = {GOOD: "F0:F1:F2:F3:F4:AA", EVIL: "F0:F1:F2:F3:F4:F5"}
MTU = 517
SUCCESS = ReasonCode(PacketTypes.CONNACK, "Success")
REFUSED = ReasonCode(PacketTypes.PUBACK, "Not authorized")
GONE = ReasonCode(PacketTypes.DISCONNECT, "Unspecified error")

read_model_once = cache(read_model)


class FuzzLoop(VirtualTimeLoop):
    """Virtual time from `start_s` on, with the work of threads done at once."""

    def __init__(self, start_s=0.0):
        super().__init__()
        self._now_s = start_s
        self.unhandled = []
        self.set_exception_handler(lambda _loop, context: self._note(context))

    def _note(self, context):
        error = context.get("exception")
        self.unhandled.append(error or RuntimeError(context["message"]))

    def run_in_executor(self, executor, func, *args):
        future = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 (a thread's is its future's)
            future.set_exception(error)
        return future


class WallClock:
    """A wall clock that shows `utc` at `t` and is set again and again."""

    def __init__(self, utc, steps=()):
        self._utc, self._steps = utc, steps
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()

    def utc(self):
        """Return what it shows now; never beyond what a `datetime` holds."""
        passed = self._loop.time() - self._began
        base = self._utc
        for at_s, utc in self._steps:
            if passed >= at_s:
                base = utc - timedelta(seconds=at_s)
        try:
            return base + timedelta(seconds=passed)
        except OverflowError:
            return datetime.max.replace(tzinfo=UTC)

    @contextmanager
    def everywhere(self):
        """Have all that reads a clock read this one, and the loop's time."""

        class Kind(type):
            def __instancecheck__(cls, value):
                return isinstance(value, datetime)

        class Clocked(datetime, metaclass=Kind):
            @classmethod
            def now(cls, tz=None):
                return clock.utc().astimezone(tz)

        clock, mono = self, self._loop.time

        def wall():
            return self.utc().timestamp()

        with ExitStack() as stack:
            for module in _modules_with_datetime():
                stack.enter_context(patch.object(module, "datetime", Clocked))
            for name, reads in (("monotonic", mono), ("time", wall)):
                stack.enter_context(patch.object(time, name, reads))
            stack.enter_context(patch.object(metrics, "BEGAN_S", mono()))
            defaults = reconnect.stream.__kwdefaults__
            stack.enter_context(patch.dict(defaults, clock=mono))
            stack.enter_context(patch.object(Journal.__init__, "__defaults__", (wall,)))
            yield


def _modules_with_datetime():
    import sys  # noqa: PLC0415 (its modules change)

    there = list(sys.modules.items())
    return [
        module
        for name, module in there
        if name.startswith(gateway.__name__)
        and getattr(module, "datetime", None) is datetime
    ]


class Broker:
    """A broker of any temper, for the fake paho; remembers what was published.

    Attributes
    ----------
    published : list of (str, bytes, bool)
    retained : list of MQTTMessage
        Delivered at every subscription.
    acknowledges : bool
    refuses : bool
        Whether it refuses every publish.
    accepts : ReasonCode
        Of the next connection.
    """

    def __init__(self):
        self.published, self.retained, self.clients = [], [], []
        self.acknowledges, self.refuses, self.accepts = True, False, SUCCESS
        self.limits = {}

    def send(self, message):
        """Send a message to whoever is connected."""
        for client in list(self.clients):
            client.on_message(client, None, message)

    def hang_up(self):
        """End every connection; paho comes back."""
        for client in list(self.clients):
            client.lost()


def mqtt_message(topic, payload, *, retained=False, response=None, correlation=None):
    """Return a message as paho hands it over."""
    message = MQTTMessage(1, topic)
    message.payload, message.retain = payload, retained
    if response is not None:
        found = {"ResponseTopic": response, "CorrelationData": correlation}
        message.properties = SimpleNamespace(**found)
    return message


class FakePaho:
    """Stands for paho's client; its network is the class's `broker`."""

    broker: Broker
    suppress_exceptions = False

    def __init__(self, *_, **how):
        self._loop = asyncio.get_running_loop()
        self._mid, self._ended = 0, False
        self.on_socket_open = self.on_connect = self.on_message = None
        self.on_connect_fail = self.on_disconnect = self.on_publish = None
        del how

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)
        return lambda *_, **__: None  # settings of a network that is not there

    def loop_start(self):
        self._loop.call_later(0.01, self._connect)

    def _connect(self):
        if self._ended:
            return
        self.on_socket_open(self, None, None)
        limits = SimpleNamespace(**self.broker.limits)
        if self.broker.accepts.is_failure:
            self._loop.call_later(10, self._connect)
        else:
            self.broker.clients.append(self)
        self.on_connect(self, None, {}, self.broker.accepts, limits)

    def subscribe(self, _filters):
        for message in self.broker.retained:
            self._loop.call_soon(self.on_message, self, None, message)

    def lost(self):
        self.broker.clients.remove(self)
        self.on_disconnect(self, None, {}, GONE, None)
        self._loop.call_later(1, self._connect)

    def publish(self, topic, payload, qos, retain, _properties):
        raw = topic.encode()
        if not raw or len(raw) > 65_535 or {"+", "#"} & set(topic):
            raise ValueError("Invalid topic.")  # as paho does
        self._mid += 1
        mid = self._mid
        self.broker.published.append((topic, payload, retain))
        if self.broker.acknowledges:
            reason = REFUSED if self.broker.refuses else SUCCESS
            self._loop.call_later(0.001, self._acknowledge, mid, reason)
        del qos
        return SimpleNamespace(mid=mid)

    def _acknowledge(self, mid, reason):
        self.on_publish(self, None, mid, reason, None)

    def disconnect(self):
        self._ended = True
        if self in self.broker.clients:
            self.broker.clients.remove(self)
        return MQTTErrorCode.MQTT_ERR_SUCCESS


def fake_paho(broker):
    """Return a class like paho's client, whose network is `broker`."""
    return type("PahoOf", (FakePaho,), {"broker": broker})


@cache
def _night():
    return synthetic_night(1, 0.2)[0]


class Air:
    """Radio in whose reach a good headband sends, and perhaps an evil one.

    Parameters
    ----------
    evil : object
        Has `name`, `driver`, ``answers()`` for the handshake of the next connection
        and ``notifications(info)``, (pause in s, characteristic, payload), until it
        hangs up.
    """

    scans = 0

    def __init__(self, evil):
        self._evil = evil
        self._good = sim_diy.device(_night(), DeviceSettings())
        self._began = None

    async def find(self, driver, address=None):
        """Find the good one at its address, and the evil one anywhere else."""
        await asyncio.sleep(0.2)
        if address == ADDRESS[GOOD]:
            return Advertisement(address, "band", -50, (driver.service,))
        if self._evil is None:
            raise LinkError("no headband in reach")
        name = self._evil.name
        return Advertisement(ADDRESS[EVIL], name, -50, (driver.service,))

    @asynccontextmanager
    async def connect(self, seen, driver, *, on_event=lambda _: None):
        """Connect to either."""
        await asyncio.sleep(0.1)
        on_event(LinkEvent.CONNECTED)
        queue = NotificationQueue()
        is_good = seen.address == ADDRESS[GOOD]
        answer = self._good_answer() if is_good else _answers(self._evil.answers())
        try:
            info = shaken(driver, answer)
        except DecodeError as error:
            raise LinkError(f"this is no {driver.name} headband: {error}") from error
        on_event(LinkEvent.SUBSCRIBED)
        sent = self._good_frames() if is_good else self._evil.notifications(info)
        playing = asyncio.create_task(_play(sent, queue))
        try:
            yield RadioConnection(driver, info, queue)
        finally:
            playing.cancel()

    async def recover(self, step):
        """Do nothing: this adapter is well."""

    async def close(self):
        """Do nothing."""

    def _good_answer(self):
        def answer(request):
            match request:
                case Read(char):
                    return self._good.read(char, 0.0)
                case Write(char, payload):
                    self._good.write(char, payload, MTU, 0.0)
            return b""

        return answer

    def _good_frames(self):
        now_s = asyncio.get_running_loop().time()
        self._began = now_s if self._began is None else self._began
        at_s = now_s - self._began
        for frame in self._good.frames(at_s, MTU):
            yield max(0.0, frame.due_s - at_s), frame.char, frame.payload
            at_s = max(at_s, frame.due_s)


def _answers(replies):
    left = chain(replies, repeat(b""))
    return lambda request: next(left) if not isinstance(request, Write) else b""


def shaken(driver, answer):
    """Return what the handshake with the headband behind `answer` results in."""
    handshake = driver.handshake()
    request = next(handshake)
    try:
        while True:
            request = handshake.send(answer(request))
    except StopIteration as done:
        return done.value


async def _play(sent, queue):
    loop = asyncio.get_running_loop()
    for pause_s, char, payload in sent:
        if pause_s > 0:
            await asyncio.sleep(pause_s)
        queue.put(Notification(char, payload, loop.time()))
    queue.close("disconnected")


@contextmanager
def no_threads():
    """Have the threads of this process's own pools work at once, in turn."""

    def submit(_pool, func, *args, **kwargs):
        from concurrent.futures import Future  # noqa: PLC0415 (a name of its own)

        future = Future()
        try:
            future.set_result(func(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 (a thread's is its future's)
            future.set_exception(error)
        return future

    with patch.object(ThreadPoolExecutor, "submit", submit):
        yield


@contextmanager
def around(broker, air, clock, dice):
    """Put the daemon that is built now into this world."""
    random.seed(dice.random())
    with ExitStack() as stack:
        paho = fake_paho(broker)
        stack.enter_context(patch("gateway.mqtt.paho_client.PacketLimit", paho))
        stack.enter_context(
            patch("gateway.daemon.build.open_radio", lambda *_, **__: air)
        )
        stack.enter_context(patch("gateway.daemon.build.read_model", read_model_once))
        stack.enter_context(patch.object(connection.secrets, "token_hex", str))
        stack.enter_context(no_threads())
        stack.enter_context(clock.everywhere())
        yield


class LogWatch(logging.Handler):
    """Collects every line that the daemon's log would have."""

    def __init__(self):
        super().__init__(logging.INFO)
        self.lines = []

    def emit(self, record):
        """Format it as the daemon does, and keep the lines."""
        self.lines += self.format(record).split("\n")
