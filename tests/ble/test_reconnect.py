"""One headband, all night, over a radio that fails in every way it can."""

import asyncio
import itertools
import logging
from contextlib import aclosing, asynccontextmanager, suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway import drivers
from gateway.acquisition.montage import Channel, HeadbandInfo, Modality, Montage, Stream
from gateway.acquisition.packets import LinkDown, LinkUp, Notification
from gateway.ble.link_state import LinkEvent, LinkState, LinkStats
from gateway.ble.notification_queue import NotificationQueue
from gateway.ble.radio import Advertisement, RadioConnection
from gateway.ble.reconnect import stream
from gateway.ble.recovery_policy import STEADY_S, RecoveryStep
from gateway.errors import (
    AdapterError,
    BondingError,
    LinkError,
    StuckAdapterError,
)
from sim.virtual_time import VirtualTimeLoop

DIY = drivers.load("diy")
INFO = HeadbandInfo(Montage((Stream(1.0, (Channel("A", Modality.EEG, 1.0),)),)))
EACH_S = 0.25


class FlakyRadio:
    """Plays a list of connections; after the last it is out of reach for ever.

    Each is ``(fault, n)``: `n` notifications, then the fault. Faults before the
    first notification are named after the place where they strike.
    """

    in_vain = None

    def __init__(self, plan):
        self._plan = iter(plan)
        self._fault, self._n = None, 0
        self._serial = itertools.count()
        self.scans = 0
        self.open = 0
        self.most_open = 0
        self.left = []
        self.mended = []
        self.looked_at = []

    async def find(self, driver, address=None):
        self.scans += 1
        self.looked_at.append(asyncio.get_running_loop().time())
        await asyncio.sleep(0.3)
        self._fault, self._n = next(self._plan, ("absent", 0))
        if self._fault == "absent":
            raise LinkError("no diy headband in reach")
        if self._fault == "no adapter":
            raise AdapterError("no hci0")
        return Advertisement("F0:00:00:00:00:01", "band")

    @asynccontextmanager
    async def connect(self, seen, driver, on_event):
        if self._fault == "refused":
            raise LinkError("connect: le-connection-abort-by-local")
        on_event(LinkEvent.CONNECTED)
        if self._fault == "unpaired":
            raise BondingError("handshake refused")
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        notifications = NotificationQueue()
        feeder = asyncio.create_task(self._feed(notifications, self._fault, self._n))
        try:
            on_event(LinkEvent.SUBSCRIBED)
            yield RadioConnection(driver, INFO, notifications)
        finally:
            feeder.cancel()
            self.open -= 1
            self.left.append(self._fault)

    async def recover(self, step):
        self.mended.append(step)
        if step is self.in_vain:
            raise AdapterError("bluetoothd does not answer")
        if step is RecoveryStep.EXIT:
            raise StuckAdapterError("all was tried")

    async def _feed(self, notifications, fault, n):
        for _ in range(n):
            await asyncio.sleep(EACH_S)
            serial = next(self._serial)
            now = asyncio.get_running_loop().time()
            notifications.put(Notification(DIY.notify[0], serial.to_bytes(4), now))
        if fault == "dropped":
            notifications.close("disconnected")
        if fault == "silent":
            await asyncio.Event().wait()


async def night(radio, until, **options):
    """Collect states and inputs until `until` of them are link changes."""
    states, inputs, changes = [], [], 0
    clock = asyncio.get_running_loop().time
    options = {"jitter": lambda: 0.5, "clock": clock} | options
    async with aclosing(stream(radio, DIY, report=states.append, **options)) as link:
        async for value in link:
            inputs.append(value)
            changes += isinstance(value, LinkUp | LinkDown)
            if changes == until:
                return states, inputs
    raise AssertionError("the link ended by itself")


async def test_a_night_of_47_drops_loses_nothing_that_was_received():
    faults = itertools.cycle(["dropped", "silent", "dropped"])
    plan = [(fault, 5 + n % 7) for n, fault in zip(range(47), faults, strict=False)]
    radio = FlakyRadio(plan)
    _, inputs = await night(radio, until=94)
    changes = [i for i in inputs if not isinstance(i, Notification)]
    assert [type(change) for change in changes] == [LinkUp, LinkDown] * 47
    serials = [int.from_bytes(i.payload) for i in inputs if isinstance(i, Notification)]
    assert serials == list(range(sum(n for _, n in plan)))
    assert radio.most_open == 1
    assert radio.open == 0


async def test_the_reason_of_a_drop_and_of_a_stall_is_reported():
    _, inputs = await night(FlakyRadio([("dropped", 1), ("silent", 1)]), until=4)
    downs = [i for i in inputs if isinstance(i, LinkDown)]
    assert [down.reason for down in downs] == [
        "disconnected",
        "nothing received for 2 s",
    ]


async def test_silence_is_noticed_after_stall_s_and_not_before():
    _, inputs = await night(FlakyRadio([("silent", 3)]), until=2, stall_s=5.0)
    *_, last, down = inputs
    assert down.t - last.t_rx == pytest.approx(5)


async def test_link_up_brings_what_the_headband_says_of_itself():
    _, inputs = await night(FlakyRadio([("silent", 0)]), until=2)
    up, down = inputs
    assert up == LinkUp(pytest.approx(0.3), INFO)
    assert down.t - up.t == pytest.approx(2)


async def test_failures_before_the_first_notification_change_no_link():
    plan = [(f, 0) for f in ("no adapter", "absent", "refused", "unpaired")]
    states, inputs = await night(FlakyRadio([*plan, ("dropped", 2)]), until=2)
    assert [type(i) for i in inputs] == [LinkUp, Notification, Notification, LinkDown]
    failed_scan = [LinkState.SCANNING, LinkState.WAITING]
    connecting = [LinkState.SCANNING, LinkState.CONNECTING]
    subscribing = [*connecting, LinkState.SUBSCRIBING]
    refused = [*connecting, LinkState.WAITING]
    unpaired = [*subscribing, LinkState.WAITING]
    streaming = [*subscribing, LinkState.STREAMING]
    became = [now.state for now in states]
    dropped = [*streaming, LinkState.WAITING]
    assert became == 2 * failed_scan + refused + unpaired + dropped


async def test_pauses_grow_with_failures_and_are_short_again_after_a_steady_stream():
    steady = int(STEADY_S / EACH_S) + 1
    radio = FlakyRadio([("refused", 0)] * 6 + [("dropped", steady), ("dropped", 1)])
    _, inputs = await night(radio, until=4)
    ups = [i for i in inputs if isinstance(i, LinkUp)]
    downs = [i for i in inputs if isinstance(i, LinkDown)]
    assert ups[0].t > 20
    assert ups[1].t - downs[0].t == pytest.approx(0.75 + 0.3)


async def test_a_stream_that_breaks_off_at_once_is_no_success():
    radio = FlakyRadio([("dropped", 1)] * 6)
    _, inputs = await night(radio, until=12)
    ups = [i.t for i in inputs if isinstance(i, LinkUp)]
    pauses = [b - a for a, b in itertools.pairwise(ups)]
    assert all(b > a for a, b in itertools.pairwise(pauses))


@given(
    plan=st.lists(
        st.tuples(
            st.sampled_from(
                ["dropped", "silent", "refused", "absent", "no adapter", "unpaired"]
            ),
            st.integers(0, 300),
        ),
        max_size=30,
    ),
    jitter=st.floats(0, 0.99),
)
@settings(max_examples=15)
def test_however_it_fails_the_scans_in_an_hour_are_bounded(plan, jitter):
    """A row of failures has one short pause per length; only 30 s of stream end it."""
    radio = FlakyRadio(itertools.chain.from_iterable(itertools.repeat(plan, 5)))

    async def listen():
        options = {"report": lambda _: None, "jitter": lambda: jitter}
        clock = asyncio.get_running_loop().time
        async with aclosing(stream(radio, DIY, clock=clock, **options)) as link:
            with suppress(TimeoutError, StuckAdapterError):
                async with asyncio.timeout(3 * 3600):
                    async for _ in link:
                        pass

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.run(listen())
    for at, began in enumerate(radio.looked_at):
        within = [t for t in radio.looked_at[at:] if t < began + 3600]
        assert len(within) <= 160


async def test_the_first_failure_is_a_warning_and_the_rest_are_not(caplog):
    caplog.set_level(logging.DEBUG, "gateway.ble.reconnect")
    steady = int(STEADY_S / EACH_S) + 1
    plan = [("refused", 0)] * 4 + [("dropped", steady)] + [("refused", 0)] * 3
    await night(FlakyRadio([*plan, ("dropped", steady)]), until=4)
    levels = [r.levelname for r in caplog.records if r.levelname != "INFO"]
    assert levels == ["WARNING", *["DEBUG"] * 3, "WARNING", *["DEBUG"] * 3, "WARNING"]


async def test_a_headband_that_wants_pairing_is_reported_though_it_was_away_before(
    caplog,
):
    caplog.set_level(logging.DEBUG, "gateway.ble.reconnect")
    steady = int(STEADY_S / EACH_S) + 1
    plan = [("absent", 0)] * 2 + [("unpaired", 0)] * 3 + [("dropped", steady)]
    await night(FlakyRadio([*plan, ("unpaired", 0), ("dropped", 1)]), until=4)
    levels = [r.levelname for r in caplog.records if r.levelname != "INFO"]
    once = ["WARNING", "DEBUG"]
    assert levels == [*once, *once, "DEBUG", "WARNING", "WARNING", "DEBUG"]


async def test_an_adapter_that_fails_is_mended_rung_by_rung_and_each_is_counted():
    radio = FlakyRadio([("no adapter", 0)] * 9 + [("dropped", 1)])
    states, _ = await night(radio, until=2)
    cycle = RecoveryStep.POWER_CYCLE
    assert radio.mended == [
        RecoveryStep.RESTART_SCAN,
        RecoveryStep.DISCONNECT_STALE,
        cycle,
        cycle,
    ]
    stats = states[-1].stats
    assert (stats.restarts, stats.disconnects, stats.power_cycles) == (1, 1, 2)


async def test_what_cannot_be_mended_is_tried_again():
    radio = FlakyRadio([("no adapter", 0)] * 5 + [("dropped", 1)])
    radio.in_vain = RecoveryStep.POWER_CYCLE
    _, inputs = await night(radio, until=2)
    assert radio.mended[-1] is RecoveryStep.POWER_CYCLE
    assert isinstance(inputs[-1], LinkDown)


async def test_an_adapter_that_is_never_mended_ends_the_daemon_and_no_sooner():
    radio = FlakyRadio(itertools.repeat(("no adapter", 0)))
    with pytest.raises(StuckAdapterError):
        await night(radio, until=1)
    assert 900 < asyncio.get_running_loop().time() < 1800
    assert radio.mended.count(RecoveryStep.POWER_CYCLE) >= 5


async def test_a_headband_that_is_away_all_night_mends_nothing():
    radio = FlakyRadio([])
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(8 * 3600):
            await night(radio, until=1)
    assert radio.mended == []


async def test_attempts_connections_drops_and_stalls_are_counted():
    plan = [("refused", 0), ("dropped", 3), ("silent", 3), ("absent", 0), ("silent", 0)]
    states, _ = await night(FlakyRadio(plan), until=6)
    stats = states[-1].stats
    assert stats == LinkStats(attempts=5, connections=3, drops=1, stalls=2, scans=5)


async def test_a_reader_can_say_that_what_comes_is_no_good():
    clock = asyncio.get_running_loop().time
    states = []
    radio = FlakyRadio([("silent", 9), ("silent", 9)])
    link = stream(radio, DIY, report=states.append, clock=clock, jitter=lambda: 0.0)
    async with aclosing(link):
        assert isinstance(await anext(link), LinkUp)
        await anext(link)
        down = await link.athrow(LinkError("100 bad packets in a row"))
        assert down == LinkDown(clock(), "100 bad packets in a row")
        assert radio.left == ["silent"]
        assert isinstance(await anext(link), LinkUp)
    assert states[-1].stats.drops == 1


async def test_closing_the_stream_leaves_the_headband_clean():
    radio = FlakyRadio([("silent", 9)])
    await night(radio, until=1)
    assert radio.left == ["silent"]


async def test_cancelling_the_reader_leaves_the_headband_clean():
    radio = FlakyRadio([("silent", 9)])
    reading = asyncio.create_task(night(radio, until=2))
    await asyncio.sleep(1)
    assert radio.open == 1
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert radio.left == ["silent"]


async def test_a_bug_is_not_taken_for_a_bad_link():
    class Broken(FlakyRadio):
        async def find(self, driver, address=None):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await night(Broken([]), until=1)
