"""What was recorded of a night scores as the night did, bit for bit.

In virtual time, from a headband that is lost and found again to the file on disk.
"""

import asyncio
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from gateway import drivers
from gateway.acquisition.loss_counts import LossCounts
from gateway.acquisition.packets import ClockTick, SampleBlock
from gateway.ble.bleak_radio import BleakRadio
from gateway.ble.reconnect import stream
from gateway.daemon.active_sink import active_sink
from gateway.daemon.supervisor import serve
from gateway.messages.control import Mark
from gateway.models.load import read_model
from gateway.offline.score_recording import score
from gateway.preprocessing.contact_monitor import ContactMonitor
from gateway.recorder.folder import recordings
from gateway.recorder.integrity import annotations, survey
from gateway.recordings.open_recording import open_night
from gateway.session.device import DeviceSetup, OpenSession
from gateway.session.pipeline import Night as Scoring
from gateway.session.pipeline import Pipeline
from gateway.session.standby import Standby
from gateway.sinks import Sink, edf
from gateway.staging.scored_epoch import ScoredEpoch
from sim.night.synthetic_night import synthetic_night
from sim.virtual_time import VirtualTimeLoop
from tests.support.virtual_headband import Night

DIY = drivers.load("diy")
HOURS = 0.5
START = datetime(2026, 1, 1, 22, tzinfo=UTC)
FAULTS = ((100, "drop", 0.5), (333, "leave", 47.0), (700, "freeze", 3.0))
LONG = (1100, "drop", 250.0)


class Hearing:
    def __init__(self):
        self.values = []

    def active_sink(self):
        async def run(_options, feed, control):
            async for reading in feed:
                self.values.append(reading.value)
                if isinstance(reading.value, ScoredEpoch) and reading.value.index == 2:
                    control.ask(Mark("bedroom", "pill taken"))

        return active_sink(
            Sink("hearing", object, (ScoredEpoch, SampleBlock, LossCounts), run),
            object(),
        )

    def all(self, kind):
        return [value for value in self.values if isinstance(value, kind)]


async def live_through(night, recording, hearing, folder):
    loop, dice = asyncio.get_running_loop(), np.random.default_rng(1)
    radio = BleakRadio(backend=night.backend())
    scorer = read_model("default")
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

    def watch_of(montage):
        return ContactMonitor(montage, scorer.card.channels, {}, DIY.derivations, 50)

    def now():
        utc = START + timedelta(seconds=loop.time())
        return ClockTick(loop.time(), utc, synchronised=True)

    stop = asyncio.Event()
    options = edf.EdfOptions(path=str(folder), min_free_mb=0)
    active_sinks = [hearing.active_sink(), active_sink(edf.SINK, options)]
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(serve([setup], active_sinks, stop, now))
        await night.started.wait()
        for at_s, kind, seconds in (*FAULTS, LONG):
            await asyncio.sleep(max(0.0, at_s - night.now_s()))
            await night.streams.wait()
            await getattr(night, kind)(seconds)
        await asyncio.sleep(night.began + recording.duration_s + 1 - loop.time())
        stop.set()
    await radio.close()


@pytest.fixture(scope="module")
def lived(tmp_path_factory):
    folder = tmp_path_factory.mktemp("recordings")
    recording, _ = synthetic_night(7, HOURS)
    night, hearing = Night(recording), Hearing()
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.run(live_through(night, recording, hearing, folder))
    (path,) = recordings(folder)
    return hearing, path


def test_the_file_scores_as_the_night_did_bit_for_bit(lived):
    hearing, path = lived
    live = [(e.stage, e.hypnodensity) for e in hearing.all(ScoredEpoch)]
    outputs = score(open_night(path), Scoring(read_model("default"), {}, 50))
    offline = [(e.stage, e.hypnodensity) for e in outputs if isinstance(e, ScoredEpoch)]
    assert len(live) == HOURS * 120
    assert offline == live
    assert 40 < sum(bool(density) for _, density in live) < len(live)


def test_the_stages_in_the_file_are_those_of_the_night(lived):
    hearing, path = lived
    live = [
        getattr(e.stage, "edf_annotation", "Sleep stage ?")
        for e in hearing.all(ScoredEpoch)
    ]
    stages = [
        (said.onset_us, said.duration_us, text)
        for said in annotations(path)
        for text in said.texts
        if text.startswith("Sleep stage")
    ]
    offset_us = survey(path).offset_us
    assert [text for *_, text in stages] == live
    assert [onset - offset_us for onset, *_ in stages] == [
        30_000_000 * index for index in range(len(live))
    ]
    assert {duration for _, duration, _ in stages} == {30_000_000}


def test_the_loss_annotated_is_the_loss_counted(lived):
    hearing, path = lived
    assert survey(path).account.missing_s("BAD_gap") == pytest.approx(
        hearing.all(LossCounts)[-1].lost_s, abs=1e-6
    )
    lost = [t for a in annotations(path) for t in a.texts if t.startswith("Link lost")]
    assert len(lost) == len(FAULTS) + 1


def test_a_mark_is_in_the_file(lived):
    _, path = lived
    (mark,) = [a for a in annotations(path) if "Marker: pill taken" in a.texts]
    second = (mark.onset_us - survey(path).offset_us) / 1e6
    assert second == pytest.approx(90, abs=3)
