"""Scoring state of a running night: epochs, events, lights. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import timedelta

from gateway.epoch_length import EPOCH_S
from gateway.staging.events import SleepEvent, SleepEvents
from gateway.staging.hmm_smoothing import second_pass
from gateway.staging.hypnogram import Hypnogram
from gateway.staging.lights import Lights
from gateway.staging.scored_epoch import ScoredEpoch
from gateway.staging.sleep_statistics import NightSummary, SmoothedSummary, summarise
from gateway.staging.sleep_wake import SleepWakeDebouncer
from gateway.staging.stage import Refusal, Stage


class ScoringState:
    """State of a night, epoch by epoch.

    Attributes
    ----------
    epochs : list of ScoredEpoch
        All of them so far, in order.
    lights : Lights
        As marked so far.
    """

    def __init__(self) -> None:
        self.epochs: list[ScoredEpoch] = []
        self.lights = Lights()
        self._asleep = SleepWakeDebouncer()
        self._hypnogram = Hypnogram()
        self._events = SleepEvents()

    @property
    def stages(self) -> tuple[Stage | Refusal, ...]:
        """One entry per epoch."""
        return self._hypnogram.stages

    def asleep(self, stage: Stage | Refusal) -> bool | None:
        """Add the next epoch's stage; return whether the sleeper is asleep."""
        return self._asleep.add_stage(stage)

    def add(self, scored: ScoredEpoch) -> Iterator[SleepEvent]:
        """Add an epoch after its stage; yield the events that it completes."""
        self._hypnogram.add(scored)
        self.epochs.append(scored)
        yield from self._events.add_epoch(scored)

    def restore(self, epochs: Iterable[ScoredEpoch], lights: Lights) -> None:
        """Continue after `epochs`, whose events were published before."""
        self.lights = lights
        for scored in epochs:
            self.asleep(scored.stage)
            for _ in self.add(scored):
                pass

    def mark(self, event: SleepEvent, text: str) -> SleepEvent:
        """Return `event` with the text of its marker, made one line."""
        one_line = "".join(c if c.isprintable() else " " for c in text)
        return replace(event, text=one_line)

    def switch_lights(self, event: SleepEvent, *, off: bool) -> SleepEvent:
        """Set lights off or on at the time of `event`; return it."""
        epoch = round((event.second or 0.0) / EPOCH_S)
        self.lights = self.lights.marked(epoch, event.utc, self.stages, off=off)
        return event

    def set_clock(self, event: SleepEvent, by_s: float) -> SleepEvent:
        """Shift the lights by a step of the wall clock; `event` is by the new clock."""
        self.lights = self.lights.shifted(timedelta(seconds=by_s))
        return replace(event, step_s=by_s)

    def final_events(self) -> Iterator[SleepEvent]:
        """Yield the events that are only known at the end."""
        yield from self._events.final_events()

    def summary(self) -> NightSummary:
        """Return the statistics of the time in bed, by both passes."""
        in_bed = self.lights.in_bed(self.stages)
        live = {epoch.index: epoch.hypnodensity for epoch in self.epochs}
        raw = {epoch.index: epoch.raw_hypnodensity for epoch in self.epochs}
        whole = range(len(self.stages))
        hypnodensity = [live.get(i, ()) for i in whole]
        final = second_pass(self.stages, hypnodensity, [raw.get(i, ()) for i in whole])
        numbers = summarise(final.stages, in_bed, final.hypnodensity)
        second = SmoothedSummary(numbers, final.n_changed)
        return replace(summarise(self.stages, in_bed, hypnodensity), second=second)
