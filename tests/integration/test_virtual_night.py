"""Eight hours with 47 drops, two hung adapters, a reboot and a clock that jumps.

In virtual time, over the gateway's own code from bleak's classes to the outputs.
"""

import asyncio
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from gateway import drivers
from gateway.acquisition.loss_counts import LossCounts
from gateway.acquisition.packets import ClockTick, SampleBlock
from gateway.ble.bleak_radio import BleakRadio
from gateway.ble.link_state import LinkReading
from gateway.ble.reconnect import stream
from gateway.ble.recovery_policy import CYCLE
from gateway.daemon.active_sink import active_sink
from gateway.daemon.supervisor import serve
from gateway.messages.outputs import Availability
from gateway.models.load import read_model
from gateway.offline.score_recording import score
from gateway.preprocessing.contact_monitor import ContactMonitor
from gateway.session.device import DeviceSetup, OpenSession
from gateway.session.pipeline import Night as Scoring
from gateway.session.pipeline import Pipeline
from gateway.session.standby import Standby
from gateway.sinks import Sink
from gateway.staging.scored_epoch import ScoredEpoch
from sim.night.synthetic_night import synthetic_night
from sim.virtual_time import VirtualTimeLoop
from tests.support.virtual_headband import Night

DIY = drivers.load("diy")
HOURS = 8.0
QUIET_S = 900  # before the end, so that the last fault is over by then
N_DROPS = 47
STEP_S = -3600
START = datetime(2026, 1, 1, 22, tzinfo=UTC)
EPOCH_S = 30


class Hearing:
    """Everything that the sinks were told, by kind."""

    def __init__(self):
        self.values = {}

    def all(self, kind):
        return self.values.get(kind, [])

    def active_sink(self):
        async def run(_options, feed, _control):
            async for reading in feed:
                self.values.setdefault(type(reading.value), []).append(reading.value)

        kinds = (SampleBlock, ScoredEpoch, LinkReading, LossCounts, Availability)
        return active_sink(Sink("hearing", object, kinds, run), object())


def programme(seed):
    """Return the faults of a night: second, and what happens then."""
    dice = np.random.default_rng(seed)
    last = HOURS * 3600 - QUIET_S
    kinds = ("drop", "leave", "freeze")
    faults = [
        (dice.uniform(60, last), str(dice.choice(kinds)), 10 ** dice.uniform(-1, 2.778))
        for _ in range(N_DROPS)
    ]
    faults += [(dice.uniform(60, last), "hang", 0.0) for _ in range(2)]
    faults.append((float(dice.integers(3600, int(last))), "reboot", 0.0))
    return sorted(faults)


async def misfortune(night, faults):
    """Let each happen when it is due and the one before is over."""
    for at_s, kind, seconds in faults:
        await asyncio.sleep(max(0.0, at_s - night.now_s()))
        await night.streams.wait()  # a fault in mid-fault is no fault of its own
        await asyncio.sleep(5)
        if kind == "reboot":
            await asyncio.sleep(1 - night.now_s() % 1)
            await night.reboot()
        elif kind == "hang":
            night.hang()
        else:
            await getattr(night, kind)(seconds)


async def live_through(night, recording, faults, hearing):
    """Run the daemon's inside for the whole night."""
    loop, dice = asyncio.get_running_loop(), np.random.default_rng(1)
    radio = BleakRadio(backend=night.backend())
    stepped_s = HOURS * 1800

    def now():
        step_s = STEP_S if loop.time() > stepped_s else 0
        utc = START + timedelta(seconds=loop.time() + step_s)
        return ClockTick(loop.time(), utc, synchronised=True)

    scorer = read_model("default")

    def watch_of(montage):
        return ContactMonitor(montage, scorer.card.channels, {}, DIY.derivations, 50)

    setup = DeviceSetup(
        device="bedroom",
        card=scorer.card,
        source=lambda report: stream(
            radio,
            DIY,
            report=report,
            stall_s=5.0,
            clock=loop.time,
            jitter=dice.random,
        ),
        new_session=lambda: OpenSession("s", Pipeline(DIY, Scoring(scorer, {}, 50))),
        new_standby=lambda: Standby(DIY, watch_of),
        stall_s=5.0,
    )
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(serve([setup], [hearing.active_sink()], stop, now))
        await night.started.wait()
        bad_luck = tasks.create_task(misfortune(night, faults))
        await asyncio.sleep(night.began + recording.duration_s + 1 - loop.time())
        assert bad_luck.done()
        stop.set()
    await radio.close()


@pytest.fixture(scope="module")
def lived():
    recording, _ = synthetic_night(7, HOURS)
    night, hearing, faults = Night(recording), Hearing(), programme(seed=4)
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.run(live_through(night, recording, faults, hearing))
    return recording, night, hearing


def test_what_was_lost_is_what_was_withheld_to_the_sample(lived):
    _, night, hearing = lived
    blocks = hearing.all(SampleBlock)
    seconds = [block.second for block in blocks]
    assert seconds == sorted(set(seconds))
    end = seconds[-1] + 1
    for at, sfreq in enumerate((100, 1)):
        arrived = np.zeros(end * sfreq, bool)
        for block in blocks:
            first = block.second * sfreq
            arrived[first : first + sfreq] = block.present[at]
        np.testing.assert_array_equal(arrived, night.delivered[at][: end * sfreq])


def test_the_loss_reported_is_the_loss_injected_to_the_sample(lived):
    recording, night, hearing = lived
    withheld = [(~mask).sum() for mask in night.delivered]
    tally = hearing.all(LossCounts)[-1]
    assert tally.late_packets == tally.bad_packets == 0
    assert tally.lost_s * 100 == pytest.approx(max(withheld[0], withheld[1] * 100))
    assert tally.lost_s > 1000
    assert len(night.delivered[0]) == recording.duration_s * 100


def test_every_epoch_comes_once_and_in_order(lived):
    recording, _, hearing = lived
    epochs = [epoch.index for epoch in hearing.all(ScoredEpoch)]
    assert epochs == list(range(int(recording.duration_s // EPOCH_S)))


def test_the_signal_that_came_is_the_signal_that_was_recorded(lived):
    recording, _, hearing = lived
    for block in hearing.all(SampleBlock):
        for at, layout in enumerate(recording.montage.streams):
            first, there = layout.first_sample(block.second), block.present[at]
            size = there.size
            played = recording.counts[at][:, first : first + size].astype(np.int32)
            np.testing.assert_array_equal(
                block.uv[at][:, there], layout.to_microvolts(played)[:, there]
            )


def missing_s(epoch):
    return max(quality.missing_s for quality in epoch.quality)


def test_an_epoch_that_misses_nothing_is_scored_as_off_line(lived):
    recording, _, hearing = lived
    live = hearing.all(ScoredEpoch)
    offline = offline_epochs(recording)
    whole = [e for e in live if not missing_s(e)]
    differing = [
        e.index
        for e in whole
        if e.raw_hypnodensity != offline[e.index].raw_hypnodensity
    ]
    assert differing == []
    assert 600 < len(whole) < len(live)


def offline_epochs(recording):
    night = Scoring(read_model("default"), {}, 50)
    return [e for e in score(recording, night) if isinstance(e, ScoredEpoch)]


def test_epochs_are_dated_by_the_wall_clock_and_follow_its_step(lived):
    _, night, hearing = lived
    steps = set()
    for epoch in hearing.all(ScoredEpoch):
        true_utc = START + timedelta(seconds=night.began + epoch.index * EPOCH_S)
        off_s = (epoch.start_utc - true_utc).total_seconds()
        steps.add(round(off_s / 3600))
        assert off_s - 3600 * round(off_s / 3600) == pytest.approx(0, abs=0.05)
    assert steps == {0, STEP_S // 3600}


def test_every_fault_is_a_lost_link_and_every_rung_is_counted(lived):
    _, night, hearing = lived
    tally = hearing.all(LinkReading)[-1].stats
    assert tally.drops + tally.stalls == N_DROPS + 2 + 1
    assert tally.connections == N_DROPS + 2 + 1 + 1
    assert (tally.restarts, tally.disconnects, tally.power_cycles) == (2, 2, 2)
    assert night.power_cycles == 2
    hung = 2 * CYCLE  # looks that the hung adapter never began
    assert tally.scans == len(night.scans) + hung


def test_scans_are_few(lived):
    _, night, hearing = lived
    in_an_hour = [
        sum(began <= other < began + 3600 for other in night.scans)
        for began in night.scans
    ]
    assert max(in_an_hour) <= 60
    assert hearing.all(LinkReading)[-1].stats.attempts <= 2 * len(night.scans)


def test_the_headband_is_reported_as_there_exactly_while_it_is(lived):
    _, _, hearing = lived
    online = [each.online for each in hearing.all(Availability)]
    assert online == [True, False] * (N_DROPS + 3) + [True]
