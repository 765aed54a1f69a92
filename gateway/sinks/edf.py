"""The night's recording: EDF+ or BDF+ on disk, as it happens.

A thread of its own waits for the disk. Should it fall behind by the depth of the feed,
the oldest readings are lost to the recording, and annotated there; nothing else waits.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from gateway import __version__
from gateway.acquisition.loss_counts import LossCounts
from gateway.acquisition.packets import SampleBlock
from gateway.messages.control import Control, Mark, OutputHealth
from gateway.messages.feed import Feed
from gateway.messages.outputs import (
    Availability,
    NightEpochs,
    Reading,
    SessionState,
    SignalBegins,
)
from gateway.recorder.options import EdfOptions
from gateway.recorder.recorder import DiskLimits, Recorder
from gateway.recorder.recording_file import SYNC_S
from gateway.recorder.session_file import FileWriter
from gateway.sinks import Sink
from gateway.staging.events import EventKind, SleepEvent
from gateway.staging.scored_epoch import ScoredEpoch


async def run(
    options: EdfOptions, feed: Feed[Reading], control: Control | None = None
) -> None:
    """Record what `feed` brings until it ends.

    Raises
    ------
    SinkError
        If the folder cannot be used.
    """
    loop = asyncio.get_running_loop()
    limits = DiskLimits(options.min_free_mb, options.keep_days)
    control = control or Control()

    def tell(device: str, why: str) -> None:
        what = EventKind.RECORDING_PAUSED if why else EventKind.RECORDING_GOES_ON
        loop.call_soon_threadsafe(control.ask, Mark(device, why, what))

    writer = FileWriter(__version__, options.subject)
    recorder = Recorder(
        options.folder, limits, writer, tell=tell, faults=control.faults
    )

    async def tick() -> None:
        while True:
            await asyncio.sleep(SYNC_S)
            await loop.run_in_executor(thread, recorder.tick)

    with (
        ThreadPoolExecutor(1, thread_name_prefix="edf") as thread,
        control.telling("edf", partial(_health, recorder, options.folder)),
    ):
        await loop.run_in_executor(thread, recorder.begin)
        dropped = feed.dropped
        async with asyncio.TaskGroup() as tasks:
            ticking = tasks.create_task(tick())
            try:
                async for reading in feed:
                    if feed.dropped > dropped:
                        n, dropped = feed.dropped - dropped, feed.dropped
                        await loop.run_in_executor(thread, recorder.missed, n)
                    await loop.run_in_executor(thread, recorder.take, reading)
            finally:
                ticking.cancel()
                await loop.run_in_executor(thread, recorder.close)


async def _health(recorder: Recorder, folder: Path) -> OutputHealth:
    paused, files = recorder.paused, recorder.files
    told = [f"{device}: paused, {why}" for device, why in paused.items()]
    told += [f"{device}: {name}" for device, name in files.items()]
    return OutputHealth(
        well=not paused,
        words="; ".join(told) or "nothing to record yet",
        facts={"folder": str(folder), "files": files, "paused": paused},
    )


SINK = Sink(
    name="edf",
    options=EdfOptions,
    wants=(
        *(Availability, SampleBlock, NightEpochs, ScoredEpoch, SessionState),
        *(SignalBegins, SleepEvent, LossCounts),
    ),
    run=run,
)
