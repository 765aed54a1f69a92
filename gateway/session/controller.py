"""One headband through its sessions."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime

from gateway.acquisition.packets import ClockTick, Input, LinkDown, LinkUp, Notification
from gateway.errors import ConfigError, LinkError, StallError
from gateway.messages.outputs import (
    Availability,
    Output,
    Reading,
    RecordingState,
    SessionState,
)
from gateway.session.checkpointing import Checkpointing
from gateway.session.device import DeviceSetup, OpenSession
from gateway.session.pipeline import Pipeline
from gateway.session.resume import Ending, InterruptedSession, ResumeDecision
from gateway.staging.events import MARK, EventKind

log = logging.getLogger(__name__)

BAD_IN_A_ROW = 100
HOLD_S = 600.0  # off or away for so long, a headband was taken off and is put on anew
NEVER = ClockTick(0.0, datetime.min.replace(tzinfo=UTC), synchronised=False)


class SessionController:
    """A station and the session that runs there, once `open` was called.

    The link is kept whether a session runs or not; between sessions a standby sees
    whether the headband is worn, and keeps its last seconds for the next.

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
        self._notebook = Checkpointing(
            setup.night_file, setup.card.digest, setup.sessions.resume_min
        )
        self._session: OpenSession | None = None
        self._ready: OpenSession | None = None  # announced, not begun
        self._session_name = ""
        self._standby = setup.new_standby()
        self._up: LinkUp | None = None
        self._said: Availability | None = None
        self._now = NEVER
        self._t_worn: float | None = None  # since a request ended a session

    @property
    def runs(self) -> bool:
        """Whether a session runs, or the next is announced."""
        return self._session is not None or self._ready is not None

    def open(self, now: ClockTick) -> Iterator[Output]:
        """Take up the session that was interrupted, or get ready for another."""
        self._now = now
        if self._notebook.recall(now):
            self._t_worn = now.t
        if self._notebook.past is None:
            yield from self._get_ready()
        else:
            yield from self._decide(self._notebook.past)

    def push(self, value: Input) -> Iterator[Output]:
        """Yield what follows from `value`, the beginning or end of a session too."""
        if isinstance(value, ClockTick):
            self._now = value
        elif isinstance(value, LinkUp | LinkDown):
            self._up = value if isinstance(value, LinkUp) else None
        if self._session is not None:
            yield from self._told(self._session, self._session.pipeline.push(value))
            if isinstance(value, ClockTick) and self._is_over(self._session.pipeline):
                log.info("%s: not worn any more", self.name)
                yield from self._finish(Ending.OVER)
            return
        yield from self._news(self._standby.push(value))
        if isinstance(value, ClockTick) and self._notebook.past is not None:
            yield from self._decide(self._notebook.past)
        elif self._may_begin():
            yield from self.begin(self._now)

    def begin(self, now: ClockTick) -> Iterator[Output]:
        """Begin a session, if none runs."""
        if self._session is not None:
            return
        self._now = now
        if self._notebook.past is not None:
            yield from self._bury(self._notebook.past)
        announced, self._ready = self._ready, None
        session = announced or self.setup.new_session()
        self._session, self._session_name = session, session.name
        log.info("%s: session %s begins", self.name, session.name)
        if announced is None:
            yield SessionState(RecordingState.IDLE)
        yield from self._catch_up(session)

    def end(self) -> Iterator[Output]:
        """End the session that runs, if any, because somebody asks for it.

        None begins by itself before the headband was off or away for `HOLD_S`.
        """
        if self._session is not None:
            self._t_worn = self._now.t
            yield from self._finish(Ending.ASKED)

    def leave(self) -> Iterator[Output]:
        """Close the books; another process may take the session up again."""
        yield from self._finish(Ending.STOPPED)

    def mark(self, t: float, text: str, what: EventKind = MARK) -> Iterator[Output]:
        """Note that something happened at `t`, if a session is announced."""
        if (session := self._session or self._ready) is not None:
            yield from self._told(session, session.pipeline.mark(t, text, what))

    def switch_lights(self, t: float, *, off: bool) -> Iterator[Output]:
        """Note that the lights went off or on at `t`, if a session is announced."""
        if (session := self._session or self._ready) is not None:
            yield from self._told(session, session.pipeline.switch_lights(t, off=off))

    def fault(self, value: Input) -> LinkError | None:
        """Return why the connection that `value` came over is no use, if it is not."""
        if not isinstance(value, Notification):
            return None
        session, stall_s = self._session, self.setup.stall_s
        packet_decoder = (
            self._standby if session is None else session.pipeline
        ).packet_decoder
        n_bad = packet_decoder.bad_in_a_row
        if n_bad >= BAD_IN_A_ROW:
            return LinkError(f"{n_bad} notifications in a row were no packets")
        if value.t_rx - packet_decoder.t_sampled > stall_s:
            return StallError(f"notifications, but no samples for {stall_s:g} s")
        return None

    def reading(self, value: Output) -> Reading:
        """Wrap an output of this station."""
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
            yield from self._ready.pipeline.push(self._now)

    def _decide(self, past: InterruptedSession) -> Iterator[Output]:
        """Go on with the last session or not, as soon as it is known which."""
        verdict = self._notebook.verdict(past, self._now)
        if verdict is ResumeDecision.RESUME:
            yield from self._resume(self._notebook.seen_from(past, self._now))
        elif verdict is ResumeDecision.LEAVE:
            yield from self._bury(past)
            yield from self._get_ready()

    def _resume(self, past: InterruptedSession) -> Iterator[Output]:
        session = OpenSession(past.session, self.setup.new_session().pipeline)
        try:
            outputs = session.pipeline.resume(past, self._now)
        except ConfigError as error:
            log.warning("%s: session %s: %s", self.name, past.session, error)
            self._notebook.bury(self._now)
            yield from self._get_ready()
            return
        away_s, words = self._now.t - past.last.t, "%s: session %s goes on after %.0f s"
        log.info(words, self.name, past.session, away_s)
        self._notebook.reopen(session.pipeline, past, self._now)
        self._session, self._session_name = session, session.name
        yield from outputs
        yield from self._catch_up(session)

    def _bury(self, past: InterruptedSession) -> Iterator[Output]:
        """Say what the last session came to, unless that was said."""
        self._notebook.bury(self._now)
        pipeline = self.setup.new_session().pipeline
        self._session_name = past.session
        if past.ending is Ending.CUT and past.epochs:
            try:
                pipeline.resume(past, past.last.tick)
            except ConfigError as error:
                log.warning("%s: session %s: %s", self.name, past.session, error)
            else:
                yield from pipeline.close()

    def _catch_up(self, session: OpenSession) -> Iterator[Output]:
        """Give a session what is known of the link."""
        values: list[Input] = [self._now]
        if self._up is not None:
            values += [self._up, *self._standby.held]
        for value in values:
            yield from self._told(session, session.pipeline.push(value))

    def _told(
        self, session: OpenSession, outputs: Iterator[Output]
    ) -> Iterator[Output]:
        """Note outputs and yield them."""
        for output in self._news(outputs):
            self._notebook.note(session.name, session.pipeline, output, self._now)
            yield output

    def _news(self, outputs: Iterator[Output]) -> Iterator[Output]:
        """Leave out what was said last: a session repeats what was known before."""
        for output in outputs:
            if isinstance(output, Availability):
                if output == self._said:
                    continue
                self._said = output
            yield output

    def _finish(self, ending: Ending) -> Iterator[Output]:
        session, self._session = self._session, None
        if session is None:
            return
        self._notebook.close(ending, self._now)
        self._standby = self.setup.new_standby()
        if self._up is not None and ending is not Ending.STOPPED:
            yield from self._standby.push(self._up)
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
        return worn and how != "never" and self._notebook.past is None
