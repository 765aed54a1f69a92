"""Output that appends each epoch's stage to a CSV file."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gateway.errors import SinkError
from gateway.messages.control import Control
from gateway.messages.feed import Feed
from gateway.messages.outputs import Reading
from gateway.sinks import Sink
from gateway.staging.scored_epoch import ScoredEpoch


@dataclass(frozen=True, slots=True)
class StagesCsvOptions:
    """The section ``outputs.stages_csv`` of the configuration."""

    path: str = "stages.csv"

    def problems(self) -> Iterator[str]:
        """Yield what types cannot say."""
        if not self.path:
            yield "path: empty; name a file"


def append(path: str, line: str) -> None:
    """Append `line`; raise `SinkError` if the file cannot be written."""
    try:
        with Path(path).open("a") as file:
            file.write(line)
    except OSError as error:
        raise SinkError(f"{path}: cannot be written: {error.strerror}") from error


async def run(
    options: StagesCsvOptions, feed: Feed[Reading], _control: Control
) -> None:
    """Append a line for each epoch until the feed ends.

    Raises
    ------
    SinkError
        If the file cannot be written. The daemon starts this output again then, and the
        epoch in hand comes again.
    """
    async for reading in feed:
        match reading.value:
            case ScoredEpoch(index=index, start_utc=start_utc, stage=stage):
                line = f"{reading.device},{index},{start_utc:%FT%TZ},{stage.value}\n"
                await asyncio.to_thread(append, options.path, line)  # a disk may hang


SINK = Sink(
    name="stages_csv",
    options=StagesCsvOptions,
    wants=(ScoredEpoch,),
    run=run,
)
