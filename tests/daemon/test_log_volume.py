"""A night in which all is well is some dozens of lines in the journal.

Two hours of it here; `scripts/bench` counts those of eight.
"""

import asyncio
import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from gateway import drivers
from gateway.acquisition.packets import ClockTick
from gateway.ble.bleak_radio import BleakRadio
from gateway.ble.reconnect import stream
from gateway.daemon.active_sink import active_sink
from gateway.daemon.status_log import BULLETIN, NoOptions
from gateway.daemon.supervisor import serve
from gateway.models.load import read_model
from gateway.preprocessing.contact_monitor import ContactMonitor
from gateway.session.device import DeviceSetup, OpenSession
from gateway.session.pipeline import Night as Scoring
from gateway.session.pipeline import Pipeline
from gateway.session.standby import Standby
from gateway.staging.stage import STAGES
from sim.night.synthetic_night import synthetic_night
from tests.support.virtual_headband import Night

DIY = drivers.load("diy")
HOURS = 2.0
MOST_LINES = 200 * HOURS / 8
START = datetime(2026, 1, 1, 22, tzinfo=UTC)


class Expert:
    """Scores as the synthetic night was made, with its awakenings."""

    def __init__(self, stages):
        self.card = replace(read_model("default").card, context=None)
        self._stages = iter(stages)

    def hypnodensity(self, *_epochs):
        stage = next(self._stages)
        return tuple(float(each is stage) for each in STAGES)


async def test_good_hours_are_few_lines(caplog):
    caplog.set_level(logging.INFO)
    recording, stages = synthetic_night(1, HOURS)
    night, loop = Night(recording), asyncio.get_running_loop()
    radio, scorer = BleakRadio(backend=night.backend()), Expert(stages)

    def watch_of(montage):
        return ContactMonitor(montage, scorer.card.channels, {}, DIY.derivations, 50)

    setup = DeviceSetup(
        device="bedroom",
        card=scorer.card,
        source=lambda report: stream(radio, DIY, report=report, stall_s=5.0),
        new_session=lambda: OpenSession("s", Pipeline(DIY, Scoring(scorer, {}, 50))),
        new_standby=lambda: Standby(DIY, watch_of),
        stall_s=5.0,
    )
    stop = asyncio.Event()
    loop.call_later(HOURS * 3600, stop.set)

    def now():
        utc = START + timedelta(seconds=loop.time())
        return ClockTick(loop.time(), utc, synchronised=True)

    await serve([setup], [active_sink(BULLETIN, NoOptions())], stop, now)
    await radio.close()
    lines = [record for record in caplog.records if record.levelno >= logging.INFO]
    assert any("sleep onset" in record.getMessage() for record in lines)
    assert 10 < len(lines) <= MOST_LINES
