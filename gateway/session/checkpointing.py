"""What is noted of a headband's session, and what was noted of the last."""

from gateway.acquisition.checkpoint import GridCheckpoint
from gateway.acquisition.packets import ClockTick
from gateway.messages.outputs import Output, RecordingState, SessionState
from gateway.session.checkpoint_file import CheckpointFile
from gateway.session.checkpoint_records import (
    ClockOrLightsChanged,
    EpochScored,
    SessionClosed,
    SessionOpened,
    SessionReopened,
)
from gateway.session.pipeline import Pipeline
from gateway.session.resume import Ending, InterruptedSession, ResumeDecision, judge
from gateway.staging.scored_epoch import ScoredEpoch

WAIT_S = 60.0  # for the network to tell the time after a reboot


class Checkpointing:
    """Notes a session, so that the next process can go on with it.

    Parameters
    ----------
    file : CheckpointFile or None
        None: nothing is noted, and no session goes on.
    model : str
        Digest of the model. What another began is not gone on with.
    resume_min : float
        A session goes on unless it was interrupted for longer; 0: never.

    Attributes
    ----------
    past : InterruptedSession or None
        The last session, as long as it is not known what is to become of it.
    """

    def __init__(
        self, file: CheckpointFile | None, model: str, resume_min: float
    ) -> None:
        self.past: InterruptedSession | None = None
        self._file = file
        self._model = model
        self._resume_s = 60 * resume_min
        self._t_recalled = 0.0
        self._is_open = False

    def recall(self, now: ClockTick) -> bool:
        """Read what there is; return whether its end was asked for, and lately."""
        past = None if self._file is None else self._file.load()
        self._t_recalled = now.t
        if past is not None and past.ending in {Ending.CUT, Ending.STOPPED}:
            self.past = past
        return (
            past is not None
            and past.ending is Ending.ASKED
            and self._judged(past, now) is ResumeDecision.RESUME
        )

    def verdict(self, past: InterruptedSession, now: ClockTick) -> ResumeDecision:
        """Tell whether `past` goes on."""
        if past.scored_by != self._model:
            return ResumeDecision.LEAVE
        verdict = self._judged(past, now)
        if verdict is ResumeDecision.WAIT and now.t - self._t_recalled > WAIT_S:
            return ResumeDecision.LEAVE
        return verdict

    def seen_from(self, past: InterruptedSession, now: ClockTick) -> InterruptedSession:
        """Return `past` by the monotonic clock of now."""
        return past if self._file is None else past.seen_from(self._file.moment(now))

    def reopen(
        self, pipeline: Pipeline, past: InterruptedSession, now: ClockTick
    ) -> None:
        """Note that the session goes on in `pipeline`; `past` is `seen_from` now."""
        self.past = None
        if self._file is not None:
            self._is_open = True
            at = self._file.moment(now)
            self._file.add(SessionReopened(pipeline.session, past.grid, at))

    def note(
        self, session: str, pipeline: Pipeline, output: Output, now: ClockTick
    ) -> None:
        """Note what the next process must know of `output`, before it is told."""
        if self._file is None or (grid := self._grid(pipeline, output)) is None:
            return
        at = self._file.moment(now)
        if not self._is_open and pipeline.info is not None:
            self._is_open = True
            opened = session, self._model, pipeline.info, pipeline.session
            self._file.add(SessionOpened(*opened, grid, at))
        if isinstance(output, ScoredEpoch):
            self._file.add(EpochScored(output, grid, at))
        elif (
            isinstance(output, SessionState)
            and output.state is RecordingState.RECORDING
        ):
            self._file.add(ClockOrLightsChanged(output, at))

    def close(self, ending: Ending, now: ClockTick) -> None:
        """Note that the session is not gone on with here."""
        self.past = None
        if self._file is not None and self._is_open:
            self._file.add(SessionClosed(ending, self._file.moment(now)))
        self._is_open = False

    def bury(self, now: ClockTick) -> None:
        """Note that nobody goes on with the last session."""
        self._is_open = True
        self.close(Ending.OVER, now)

    def _grid(self, pipeline: Pipeline, output: Output) -> GridCheckpoint | None:
        """Return where the session stands, if `output` is of interest."""
        if self._is_open and not isinstance(output, (ScoredEpoch, SessionState)):
            return None
        return pipeline.checkpoint()

    def _judged(self, past: InterruptedSession, now: ClockTick) -> ResumeDecision:
        if self._file is None:
            return ResumeDecision.LEAVE
        return judge(past.last, self._file.moment(now), self._resume_s)
