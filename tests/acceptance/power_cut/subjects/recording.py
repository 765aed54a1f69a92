"""The night's recording: at most ten seconds lost, and the same file goes on."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from gateway.acquisition.packets import SampleBlock
from gateway.errors import RecordingError
from gateway.recorder.folder import of_session
from gateway.recorder.integrity import survey
from gateway.recorder.recorder import DiskLimits, Recorder
from gateway.recorder.recording_file import SYNC_S
from gateway.recorder.session_file import FileWriter
from gateway.staging.scored_epoch import ScoredEpoch
from tests.acceptance.power_cut.subject import Mark, Promise, Subject
from tests.acceptance.recording.night import (
    DEVICE,
    SESSION,
    outputs,
    reading,
    recording_errors,
    stages_in,
    stages_of,
)
from tests.acceptance.recording.night import second as second_of

N_SECONDS = 400
AWAY_S, MORE_S = 20, 60
IN_HAND = 1  # data record
LIMITS = DiskLimits(min_free_mb=0, keep_days=None)
FOLDER = Path("state", "recordings")


class _Night:
    """Records by a clock of its own: a second of signal is a second."""

    def __init__(self, folder: Path) -> None:
        self.t = 0.0
        self._recorder = Recorder(
            folder, LIMITS, FileWriter("test", None, lambda: self.t)
        )
        self._recorder.begin()

    def play(self, start: int, end: int, mark: Mark) -> None:
        """Record, and promise what has been taken."""
        reached, n_epochs = start, 0
        for second, value in outputs(start, end):
            if self.t // SYNC_S < second // SYNC_S:
                self._recorder.tick()
            self.t = float(second)
            self._recorder.take(reading(value))
            if isinstance(value, SampleBlock):
                reached = second
            elif isinstance(value, ScoredEpoch):
                n_epochs = value.index + 1
            mark({"second": reached, "epochs": n_epochs})

    def close(self) -> None:
        """End."""
        self._recorder.close()


def write(folder: Path, mark: Mark, n_seconds: int = N_SECONDS) -> None:
    """Record a night."""
    (folder / FOLDER.parent).mkdir()
    night = _Night(folder / FOLDER)
    night.play(0, n_seconds, mark)
    night.close()


def judge_survivor(folder: Path, promised: Sequence[Promise]) -> Iterator[str]:
    """Yield what is gone that was promised, and whether the night goes on."""
    second = promised[-1]["second"] if promised else 0
    n_epochs = promised[-1]["epochs"] if promised else 0
    least = max(second - round(SYNC_S) - IN_HAND, 0)
    saved = 0
    paths = of_session(folder / FOLDER, DEVICE, SESSION)
    try:
        saved = survey(paths[-1]).n_records if paths else 0
    except RecordingError as error:
        if least:
            yield str(error)
    if saved < least:
        yield f"{saved} records, {second} seconds had been taken"
    if n_epochs and paths:
        found = stages_in(paths[-1])
        if found[:n_epochs] != stages_of(n_epochs):
            yield f"{len(found)} epochs, {n_epochs} were promised"
    yield from _goes_on(folder, saved, second)


def _goes_on(folder: Path, saved: int, second: int) -> Iterator[str]:
    """See the session recorded on, and all of it judged."""
    start = max(second, saved) + AWAY_S
    (folder / FOLDER.parent).mkdir(exist_ok=True)
    night = _Night(folder / FOLDER)
    end = start + MORE_S
    while not second_of(end - 1).present[0].any():
        end += 1
    night.play(start, end, lambda _: None)
    night.close()
    paths = of_session(folder / FOLDER, DEVICE, SESSION)
    if len(paths) != 1:
        yield f"{len(paths)} files of one session"
    yield from recording_errors(paths[-1], [range(saved, start)], end)


SUBJECT = Subject("the night's recording", write, judge_survivor)
