"""Every edge of the daemon has a barrier: an unexpected error costs one thing there."""

import asyncio
import json
import logging
from types import SimpleNamespace

import pytest

from gateway.acquisition.packets import LinkDown
from gateway.control_socket.handlers import ControlHandlers, DaemonAccess
from gateway.daemon.supervisor import GuardedController
from gateway.errors import JournalError, SinkError, StuckAdapterError
from gateway.fault_barrier import MOST_KINDS, Edge, FaultBarrier
from gateway.journal.entry import Entry
from gateway.messages.control import Control
from gateway.mqtt.client_events import Received
from gateway.mqtt.journal_publisher import JournalPublisher
from gateway.mqtt.request_handlers import ServedVerbs, serve_requests
from gateway.mqtt.topics import TopicTree
from gateway.recorder.recorder import DiskLimits, Recorder
from gateway.recorder.session_file import FileWriter
from gateway.reports.status_text import fault_text
from tests.acceptance.recording.night import outputs, reading

BUGS = [ValueError("x"), KeyError(1), RecursionError(), AssertionError(), OSError(5)]


class BugError(Exception):
    """What nobody expected."""


def bug(*_args, **_kwargs):
    raise BugError("of ours")


async def mqtt_message(faults, monkeypatch, tmp_path):
    """Serve two messages, the first of which meets a bug."""
    left, answered = [b"bad", b"{}"], []

    async def receive():
        if not left:
            await asyncio.Event().wait()
        return Received("sleepgate/bridge/request/x", left.pop(0), retained=False)

    async def publish(message):
        answered.append(message)

    async def serve(request):
        return {}

    read = "gateway.mqtt.request_handlers.read_request"
    monkeypatch.setattr(
        read,
        lambda topic, payload: (
            bug()
            if payload == b"bad"
            else SimpleNamespace(whom="bridge", verb="x", transaction=None)
        ),
    )
    client = SimpleNamespace(receive=receive, publish=publish)
    verbs = ServedVerbs({"x": serve}, {})
    working = serve_requests(
        client, TopicTree("sleepgate"), verbs, lambda _: False, faults
    )
    task = asyncio.create_task(working)
    await asyncio.sleep(1)
    task.cancel()
    return len(answered) == 1 and b'"ok"' in answered[0].payload


async def journal_row(faults, monkeypatch, tmp_path):
    """Publish three rows, the second of which meets a bug."""
    entries = [Entry(n, "d", "s", n, b"{}") for n in range(3)]
    sent = []

    async def owed(after, limit):
        there = [e for e in entries if e.seq > after and e.seq not in acknowledged]
        return there[:limit]

    acknowledged = set()

    async def acknowledge(seqs):
        acknowledged.update(seqs)

    async def ready():
        pass

    def send(message):
        sent.append(message)
        receipt = asyncio.get_running_loop().create_future()
        receipt.set_result(True)
        return receipt

    journal = SimpleNamespace(owed=owed, acknowledge=acknowledge, news=asyncio.Event())
    client = SimpleNamespace(ready=ready, send=send, window=20, acknowledges=True)
    lane = JournalPublisher(
        journal,
        client,
        lambda e: bug() if e.seq == 1 else e.seq,
        lambda _: None,
        faults,
    )
    task = asyncio.create_task(lane.run())
    await asyncio.sleep(60)
    task.cancel()
    assert sent == [0, 2]
    return True


async def file(faults, monkeypatch, tmp_path):
    """Record a session whose file cannot be made, for a reason nobody thought of."""
    monkeypatch.setattr("gateway.recorder.recorder.open_night", bug)
    writer = FileWriter("test", None)
    recorder = Recorder(tmp_path, DiskLimits(0, None), writer, faults=faults)
    recorder.begin()
    for _, value in outputs(0, 60):
        recorder.take(reading(value))
    recorder.close()
    return True


async def headband(faults, monkeypatch, tmp_path):
    """Push into a controller that meets a bug, and into one that does not."""
    put = []
    router = SimpleNamespace(put=put.append)
    made = SimpleNamespace(name="evil", reading=lambda value: value)
    guarded = GuardedController(made, router, faults, lambda: None)
    good = GuardedController(made, router, faults, lambda: None)
    assert guarded.spread(bug) is not None
    assert good.spread(lambda: [LinkDown(0.0, "x")]) is None
    return put == [LinkDown(0.0, "x")]


async def control_client(faults, monkeypatch, tmp_path):
    """Answer two requests, the first of which meets a bug."""
    control = Control()
    control.faults = faults
    handlers = ControlHandlers(DaemonAccess(tmp_path, (), tmp_path), control)
    with monkeypatch.context() as patched:
        patched.setattr("gateway.control_socket.handlers.read_order", bug)
        refused = json.loads(await handlers.answer(b'{"do": "status"}\n'))
    answered = json.loads(await handlers.answer(b'{"do": "status"}\n'))
    (shown,) = answered["data"]["faults"]
    assert shown["edge"] == "control client"
    assert "BugError: of ours" in fault_text(shown)
    return refused["error"]["code"] == "failed" and answered["ok"]


async def output(faults, monkeypatch, tmp_path):
    """Ask two outputs how they do, the first of which meets a bug."""
    control = Control()
    control.faults = faults

    async def well():
        return "well"

    with control.telling("bad", bug), control.telling("good", well):
        told = await control.standings()
    return not told["bad"].well and told["good"] == "well"


EDGES = {
    Edge.MQTT_MESSAGE: mqtt_message,
    Edge.JOURNAL_ROW: journal_row,
    Edge.FILE: file,
    Edge.HEADBAND: headband,
    Edge.CONTROL_CLIENT: control_client,
    Edge.OUTPUT: output,
}


def test_every_edge_is_tested():
    assert set(EDGES) == set(Edge)


@pytest.mark.parametrize("edge", list(Edge))
async def test_a_bug_costs_the_one_thing_it_came_up_over(
    edge, monkeypatch, tmp_path, caplog
):
    faults = FaultBarrier()
    assert await EDGES[edge](faults, monkeypatch, tmp_path)
    (fault,) = faults.faults
    assert fault.edge is edge
    assert fault.count >= 1
    assert "BugError: of ours" in fault.error
    errors = [each for each in caplog.records if each.levelno == logging.ERROR]
    assert len(errors) == 1
    assert edge.value in errors[0].getMessage()
    assert errors[0].exc_info is not None


@pytest.mark.parametrize("error", BUGS)
def test_any_exception_is_stopped_and_counted(error):
    faults = FaultBarrier()
    for _ in range(3):
        with faults.at(Edge.FILE, "a file") as guard:
            raise error
    assert guard.fault.count == 3
    assert type(error).__name__ in str(guard.fault)


@pytest.mark.parametrize("error", [SinkError, JournalError, StuckAdapterError])
def test_an_expected_error_passes(error):
    faults = FaultBarrier()
    with pytest.raises(error), faults.at(Edge.OUTPUT, "mqtt", error):
        raise error("expected")
    assert faults.faults == ()


@pytest.mark.parametrize("error", [KeyboardInterrupt, asyncio.CancelledError])
def test_a_stop_passes(error):
    with pytest.raises(error), FaultBarrier().at(Edge.OUTPUT, "mqtt"):
        raise error


def test_what_an_outsider_wrote_is_kept_inert_and_short():
    faults = FaultBarrier()
    with faults.at(Edge.MQTT_MESSAGE, "a\x1b[2J" * 1000):
        raise ValueError("\u202e\n" * 1000)
    (fault,) = faults.faults
    assert str(fault).isprintable()
    assert len(str(fault)) < 5000


def test_kinds_are_bounded():
    faults, lines = FaultBarrier(), "\n" * 5
    for number in range(2 * MOST_KINDS):
        code = compile(f"{lines * number}raise ValueError", "gateway/x.py", "exec")
        with faults.at(Edge.FILE, str(number)):
            exec(code)  # noqa: S102 - an error at many places
    assert len(faults.faults) == MOST_KINDS + 1
    assert sum(fault.count for fault in faults.faults) == 2 * MOST_KINDS
