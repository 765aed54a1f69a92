"""The MQTT sink with epochs that never end, or none at all, until it is killed.

endless_gateway.py PORT JOURNAL SESSION (1|0)
"""

import asyncio
import sys
import time
from datetime import UTC, datetime
from itertools import count

from gateway.journal.options import JournalOptions
from gateway.messages.feed import Feed
from gateway.messages.outputs import Reading
from gateway.mqtt.options import MqttOptions
from gateway.preprocessing.signal_quality import Quality
from gateway.sinks.mqtt import run
from gateway.staging.scored_epoch import ScoredEpoch
from gateway.staging.stage import Stage

FLAWLESS = (Quality(frozenset(), 0.0, 1.0),)
N2 = (0.0, 0.0, 1.0, 0.0, 0.0)


async def score(feed, session):
    for index in count():
        scored = ScoredEpoch(
            index=index,
            start_utc=datetime.now(UTC),
            stage=Stage.N2,
            hypnodensity=N2,
            quality=FLAWLESS,
            asleep=True,
            t_rx=time.monotonic(),
        )
        feed.put(Reading("bed", session, "model", "digest", ("EEG",), scored))
        await asyncio.sleep(0.002)


async def main(port, journal, session, endless):
    feed = Feed(depth=4096)
    options = MqttOptions(
        host="127.0.0.1",
        port=int(port),
        keepalive_s=5,
        journal=JournalOptions(path=journal),
    )
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(run(options, feed))
        if endless == "1":
            await score(feed, session)


asyncio.run(main(*sys.argv[1:]))
