"""The night's recording: EDF+ or BDF+ on disk, as it happens.

A thread of its own waits for the disk. Should it fall behind by the depth of the feed,
the oldest readings are lost to the recording, and annotated there; nothing else waits.
"""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
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
from gateway.paths import recordings_folder
from gateway.recorder.recorder import DiskLimits, Recorder
from gateway.recorder.recording_file import SYNC_S
from gateway.recorder.session_file import FileWriter
from gateway.sinks import Sink
from gateway.staging.events import EventKind, SleepEvent
from gateway.staging.scored_epoch import ScoredEpoch

SUBJECT_LENGTH = 40


@dataclass(frozen=True, slots=True)
class EdfOptions:
    """Section ``outputs.edf``.

    Attributes
    ----------
    path : str
        Folder of the recordings; ``"auto"``: where systemd keeps the service's state,
        else the user's.
    subject : str or None
        A code for the header.
    min_free_mb : float
        With less room than this recording pauses.
    keep_days : float or None
        Recordings older than this are deleted; None keeps all.
    """

    path: str = "auto"
    subject: str | None = None
    min_free_mb: float = 500.0
    keep_days: float | None = None

    @property
    def folder(self) -> Path:
        """The folder of the recordings."""
        return recordings_folder() if self.path == "auto" else Path(self.path)

    def problems(self) -> Iterator[str]:
        """Yield what types cannot say."""
        if not self.path:
            yield "path: empty; name a folder, or auto"
        code = self.subject
        if code is not None and not (
            0 < len(code) <= SUBJECT_LENGTH and code.isascii() and code.isprintable()
        ):
            yield f"subject: {code!r}; give 1 to {SUBJECT_LENGTH} plain characters"
        if not 0 <= self.min_free_mb <= 1e6:  # noqa: PLR2004 (the message says them)
            yield f"min_free_mb: {self.min_free_mb}; give 0 to 1000000"
        if self.keep_days is not None and not 1 <= self.keep_days <= 36500:  # noqa: PLR2004 (said)
            yield f"keep_days: {self.keep_days}; give 1 to 36500, or null to keep all"


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
    recorder = Recorder(options.folder, limits, writer, tell=tell)

    async def tick() -> None:
        while True:
            await asyncio.sleep(SYNC_S)
            await loop.run_in_executor(thread, recorder.tick)

    with (
        ThreadPoolExecutor(1, thread_name_prefix="edf") as thread,
        control.telling("edf", partial(_standing, recorder, options.folder)),
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


async def _standing(recorder: Recorder, folder: Path) -> OutputHealth:
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
