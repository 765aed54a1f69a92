"""What is noted of a headband's session, and what was noted of the last."""

from gateway.acquisition.checkpoint import Checkpoint
from gateway.acquisition.packets import Tick
from gateway.messages.outputs import Output, Recording, SessionState
from gateway.session.checkpoint_file import NightFile
from gateway.session.checkpoint_records import Changed, Closed, Opened, Reopened, Scored
from gateway.session.pipeline import Pipeline
from gateway.session.resume import Ending, Past, Verdict, judge
from gateway.staging.scored_epoch import ScoredEpoch

WAIT_S = 60.0  # for the network to tell the time after a reboot


class Notebook:
    """Notes a session, so that the next process can go on with it.

    Parameters
    ----------
    file : NightFile or None
        None: nothing is noted, and no session goes on.
    model : str
        Digest of the model. What another began is not gone on with.
    resume_min : float
        A session goes on unless it was interrupted for longer; 0: never.

    Attributes
    ----------
    past : Past or None
        The last session, as long as it is not known what is to become of it.
    """

    def __init__(self, file: NightFile | None, model: str, resume_min: float) -> None:
        self.past: Past | None = None
        self._file = file
        self._model = model
        self._resume_s = 60 * resume_min
        self._t_recalled = 0.0
        self._is_open = False

    def recall(self, now: Tick) -> bool:
        """Read what there is; return whether its end was asked for, and lately."""
        past = None if self._file is None else self._file.load()
        self._t_recalled = now.t
        if past is not None and past.ending in {Ending.CUT, Ending.STOPPED}:
            self.past = past
        return (
            past is not None
            and past.ending is Ending.ASKED
            and self._judged(past, now) is Verdict.RESUME
        )

    def verdict(self, past: Past, now: Tick) -> Verdict:
        """Tell whether `past` goes on."""
        if past.scored_by != self._model:
            return Verdict.LEAVE
        verdict = self._judged(past, now)
        if verdict is Verdict.WAIT and now.t - self._t_recalled > WAIT_S:
            return Verdict.LEAVE
        return verdict

    def seen_from(self, past: Past, now: Tick) -> Past:
        """Return `past` by the monotonic clock of now."""
        return past if self._file is None else past.seen_from(self._file.moment(now))

    def reopen(self, pipeline: Pipeline, past: Past, now: Tick) -> None:
        """Note that the session goes on in `pipeline`; `past` is `seen_from` now."""
        self.past = None
        if self._file is not None:
            self._is_open = True
            at = self._file.moment(now)
            self._file.add(Reopened(pipeline.session, past.grid, at))

    def note(self, session: str, pipeline: Pipeline, output: Output, now: Tick) -> None:
        """Note what the next process must know of `output`, before it is told."""
        if self._file is None or (grid := self._grid(pipeline, output)) is None:
            return
        at = self._file.moment(now)
        if not self._is_open and pipeline.info is not None:
            self._is_open = True
            opened = session, self._model, pipeline.info, pipeline.session
            self._file.add(Opened(*opened, grid, at))
        if isinstance(output, ScoredEpoch):
            self._file.add(Scored(output, grid, at))
        elif isinstance(output, SessionState) and output.state is Recording.RECORDING:
            self._file.add(Changed(output, at))

    def close(self, ending: Ending, now: Tick) -> None:
        """Note that the session is not gone on with here."""
        self.past = None
        if self._file is not None and self._is_open:
            self._file.add(Closed(ending, self._file.moment(now)))
        self._is_open = False

    def bury(self, now: Tick) -> None:
        """Note that nobody goes on with the last session."""
        self._is_open = True
        self.close(Ending.OVER, now)

    def _grid(self, pipeline: Pipeline, output: Output) -> Checkpoint | None:
        """Return where the session stands, if `output` is of interest."""
        if self._is_open and not isinstance(output, (ScoredEpoch, SessionState)):
            return None
        return pipeline.checkpoint()

    def _judged(self, past: Past, now: Tick) -> Verdict:
        if self._file is None:
            return Verdict.LEAVE
        return judge(past.last, self._file.moment(now), self._resume_s)
