"""Controller of one headband's sessions: begins, resumes and ends them."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime

from gateway.acquisition.packets import ClockTick, Input, LinkDown, LinkUp, Notification
from gateway.errors import ConfigError, LinkError, StallError, UnfitHeadbandError
from gateway.messages.outputs import (
    Availability,
    Output,
    Reading,
    RecordingState,
    SessionState,
)
from gateway.session.checkpoint_file import Checkpointing
from gateway.session.device import DeviceSetup, OpenSession
from gateway.session.pipeline import Pipeline
from gateway.session.resume import Ending, InterruptedSession, ResumeDecision
from gateway.staging.events import MARK, EventKind

log = logging.getLogger(__name__)

BAD_IN_A_ROW = 100
HOLD_S = 600.0  # off or away for so long, a headband was taken off and is put on anew
NEVER = ClockTick(0.0, datetime.min.replace(tzinfo=UTC), synchronised=False)


class SessionController:
    """Controls the sessions of one headband, once `open` was called.

    The link is kept whether a session runs or not; between sessions a `Standby`
    detects whether the headband is worn, and keeps its last seconds for the next.

    Parameters
    ----------
    setup : DeviceSetup

    Attributes
    ----------
    name : str
        Of the headband, in the configuration.
    setup : DeviceSetup
    """

    def __init__(self, setup: DeviceSetup) -> None:
        self.name = setup.device
        self.setup = setup
        self._checkpoints = Checkpointing(
            setup.checkpoint_file, setup.card.digest, setup.sessions.resume_min
        )
        self._session: OpenSession | None = None
        self._ready: OpenSession | None = None  # announced, not begun
        self._session_name = ""
        self._standby = setup.new_standby()
        self._up: LinkUp | None = None
        self._availability: Availability | None = None
        self._now = NEVER
        self._t_worn: float | None = None  # since a request ended a session

    @property
    def runs(self) -> bool:
        """Whether a session runs, or the next is announced."""
        return self._session is not None or self._ready is not None

    def open(self, now: ClockTick) -> Iterator[Output]:
        """Resume the session that was interrupted, or announce the next."""
        self._now = now
        if self._checkpoints.load(now):
            self._t_worn = now.t
        if self._checkpoints.interrupted is None:
            yield from self._get_ready()
        else:
            yield from self._decide(self._checkpoints.interrupted)

    def push_input(self, value: Input) -> Iterator[Output]:
        """Yield the outputs of `value`, also as a session begins or ends.

        Raises
        ------
        ConfigError
            If the channels of a headband that has just connected fit no input of the
            model. Its `LinkDown` is then to follow.
        """
        if isinstance(value, ClockTick):
            self._now = value
        elif isinstance(value, LinkUp | LinkDown):
            self._up = None  # set again once its description was accepted
        if self._session is not None:
            yield from self._recorded(
                self._session, self._session.pipeline.push_input(value)
            )
            self._accept(value)
            if isinstance(value, ClockTick) and self._is_over(self._session.pipeline):
                log.info("%s: not worn any more; the session ends", self.name)
                yield from self._finish(Ending.OVER)
            return
        yield from self._without_repeats(self._standby.push_input(value))
        self._accept(value)
        if isinstance(value, ClockTick) and self._checkpoints.interrupted is not None:
            yield from self._decide(self._checkpoints.interrupted)
        elif self._may_begin():
            yield from self.begin(self._now)

    def _accept(self, value: Input) -> None:
        if isinstance(value, LinkUp):
            self._up = value

    def begin(self, now: ClockTick) -> Iterator[Output]:
        """Begin a session, if none runs."""
        if self._session is not None:
            return
        self._now = now
        if self._checkpoints.interrupted is not None:
            yield from self._discard(self._checkpoints.interrupted)
        announced, self._ready = self._ready, None
        session = announced or self.setup.new_session()
        self._session, self._session_name = session, session.name
        log.info("%s: session %s begins", self.name, session.name)
        if announced is None:
            yield SessionState(RecordingState.IDLE)
        yield from self._catch_up(session)

    def end(self) -> Iterator[Output]:
        """End the session that runs, if any, on request.

        None begins by itself before the headband was off or away for `HOLD_S`.
        """
        if self._session is not None:
            self._t_worn = self._now.t
            yield from self._finish(Ending.ASKED)

    def leave(self) -> Iterator[Output]:
        """End the session because the process stops; the next one may resume it."""
        yield from self._finish(Ending.STOPPED)

    def start_over(self, now: ClockTick) -> Iterator[Output]:
        """Give up the session, after unexpected errors, and announce the next.

        What the session would yield at its end is not asked for: it is what failed.
        """
        self._now = now
        self._session = self._ready = None
        self._checkpoints.discard(now)
        self._standby = self.setup.new_standby()
        if self._up is not None:
            yield from self._standby.push_input(self._up)
        yield from self._get_ready()

    def mark(self, t: float, text: str, what: EventKind = MARK) -> Iterator[Output]:
        """Yield the event `what` at `t`, if a session is announced."""
        if (session := self._session or self._ready) is not None:
            yield from self._recorded(session, session.pipeline.mark(t, text, what))

    def switch_lights(self, t: float, *, off: bool) -> Iterator[Output]:
        """Yield the lights-off or lights-on marker, if a session is announced."""
        if (session := self._session or self._ready) is not None:
            yield from self._recorded(
                session, session.pipeline.switch_lights(t, off=off)
            )

    def fault(self, value: Input) -> LinkError | None:
        """Return the error of a connection that sends nothing useful, or None."""
        session, stall_s = self._session, self.setup.stall_s
        packet_decoder = (
            self._standby if session is None else session.pipeline
        ).packet_decoder
        if isinstance(value, LinkUp) and packet_decoder.refused:
            return UnfitHeadbandError(packet_decoder.refused)
        if not isinstance(value, Notification):
            return None
        n_bad = packet_decoder.bad_in_a_row
        if n_bad >= BAD_IN_A_ROW:
            return LinkError(
                f"{n_bad} notifications in a row could not be decoded; reconnecting"
            )
        if value.t_rx - packet_decoder.t_sampled > stall_s:
            return StallError(
                f"notifications arrive, but no samples for {stall_s:g} s; reconnecting"
            )
        return None

    def reading(self, value: Output) -> Reading:
        """Return `value` with the headband, session and model it belongs to."""
        card = self.setup.card
        return Reading(
            device=self.name,
            session=self._session_name,
            model=card.name,
            model_digest=card.short_digest,
            channels=card.channels,
            value=value,
        )

    def _get_ready(self) -> Iterator[Output]:
        """Announce the session that comes next."""
        if self.setup.sessions.auto_start == "always" and self._t_worn is None:
            yield from self.begin(self._now)
        else:
            self._ready = self.setup.new_session()
            self._session_name = self._ready.name
            yield SessionState(RecordingState.IDLE)
            yield from self._ready.pipeline.push_input(self._now)

    def _decide(self, interrupted: InterruptedSession) -> Iterator[Output]:
        """Resume the last session or not, as soon as that can be decided."""
        decision = self._checkpoints.decide(interrupted, self._now)
        if decision is ResumeDecision.RESUME:
            yield from self._resume(
                self._checkpoints.by_clock_of(interrupted, self._now)
            )
        elif decision is ResumeDecision.LEAVE:
            yield from self._discard(interrupted)
            yield from self._get_ready()

    def _resume(self, interrupted: InterruptedSession) -> Iterator[Output]:
        session = OpenSession(interrupted.session, self.setup.new_session().pipeline)
        try:
            outputs = session.pipeline.resume(interrupted, self._now)
        except ConfigError as error:
            words = "%s: session %s not resumed; a new one begins: %s"
            log.warning(words, self.name, interrupted.session, error)
            self._checkpoints.discard(self._now)
            yield from self._get_ready()
            return
        away_s, words = (
            self._now.t - interrupted.last.t,
            "%s: session %s resumed after %.0f s",
        )
        log.info(words, self.name, interrupted.session, away_s)
        self._checkpoints.reopen(session.pipeline, interrupted, self._now)
        self._session, self._session_name = session, session.name
        yield from outputs
        yield from self._catch_up(session)

    def _discard(self, interrupted: InterruptedSession) -> Iterator[Output]:
        """Yield the summary of the last session, unless it was published."""
        self._checkpoints.discard(self._now)
        pipeline = self.setup.new_session().pipeline
        self._session_name = interrupted.session
        if interrupted.ending is Ending.CUT and interrupted.epochs:
            try:
                pipeline.resume(interrupted, interrupted.last.tick)
            except ConfigError as error:
                words = "%s: session %s ends without a summary: %s"
                log.warning(words, self.name, interrupted.session, error)
            else:
                yield from pipeline.close()

    def _catch_up(self, session: OpenSession) -> Iterator[Output]:
        """Yield the outputs of a new session for what the link has brought so far."""
        values: list[Input] = [self._now]
        if self._up is not None:
            values += [self._up, *self._standby.held]
        for value in values:
            yield from self._recorded(session, session.pipeline.push_input(value))

    def _recorded(
        self, session: OpenSession, outputs: Iterator[Output]
    ) -> Iterator[Output]:
        """Record outputs in the checkpoint file and yield them."""
        for output in self._without_repeats(outputs):
            self._checkpoints.record_output(
                session.name, session.pipeline, output, self._now
            )
            yield output

    def _without_repeats(self, outputs: Iterator[Output]) -> Iterator[Output]:
        """Leave out an availability that was yielded last: a new session repeats it."""
        for output in outputs:
            if isinstance(output, Availability):
                if output == self._availability:
                    continue
                self._availability = output
            yield output

    def _finish(self, ending: Ending) -> Iterator[Output]:
        session, self._session = self._session, None
        if session is None:
            return
        self._checkpoints.close(ending, self._now)
        self._standby = self.setup.new_standby()
        if self._up is not None and ending is not Ending.STOPPED:
            yield from self._standby.push_input(self._up)
        yield from session.pipeline.close()

    def _is_over(self, pipeline: Pipeline) -> bool:
        sessions, since = self.setup.sessions, pipeline.t_scored
        if since is None or sessions.auto_stop_after_min is None:
            return False
        if sessions.auto_start == "always":
            since = max(since, pipeline.packet_decoder.t_sampled)
        return self._now.t - since > 60 * sessions.auto_stop_after_min

    def _may_begin(self) -> bool:
        how, standby = self.setup.sessions.auto_start, self._standby
        worn = standby.packet_decoder.streaming if how == "always" else standby.on_head
        if self._t_worn is not None and not worn:
            if self._now.t - self._t_worn <= HOLD_S:
                return False
            self._t_worn = None
        elif self._t_worn is not None:
            self._t_worn = self._now.t
            return False
        return worn and how != "never" and self._checkpoints.interrupted is None
