"""What is known of a night as it goes on: its epochs, moments, lights. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import timedelta

from gateway.epoch_length import EPOCH_S
from gateway.staging.events import SleepEvent, SleepEvents
from gateway.staging.hmm_smoothing import evidence, second_pass
from gateway.staging.hypnogram import Hypnogram
from gateway.staging.lights import Lights
from gateway.staging.scored_epoch import ScoredEpoch
from gateway.staging.sleep_statistics import NightSummary, SmoothedSummary, summarise
from gateway.staging.sleep_wake import SleepWakeDebouncer
from gateway.staging.stage import Refusal, Stage


class ScoringState:
    """Keeps a night epoch by epoch.

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
        """Take the next epoch's stage; return whether the sleeper is asleep."""
        return self._asleep.push(stage)

    def add(self, scored: ScoredEpoch) -> Iterator[SleepEvent]:
        """Take an epoch whose stage was taken; yield what it shows to have happened."""
        self._hypnogram.add(scored)
        self.epochs.append(scored)
        yield from self._events.push(scored)

    def restore(self, epochs: Iterable[ScoredEpoch], lights: Lights) -> None:
        """Go on after `epochs`, of which everything was told."""
        self.lights = lights
        for scored in epochs:
            self.asleep(scored.stage)
            for _ in self.add(scored):
                pass

    def mark(self, moment: SleepEvent, text: str) -> SleepEvent:
        """Return that something happened at `moment`; `text` says what, in one line."""
        one_line = "".join(c if c.isprintable() else " " for c in text)
        return replace(moment, text=one_line)

    def switch_lights(self, moment: SleepEvent, *, off: bool) -> SleepEvent:
        """Note that the lights went off or on at `moment`."""
        epoch = round((moment.second or 0.0) / EPOCH_S)
        self.lights = self.lights.marked(epoch, moment.utc, self.stages, off=off)
        return moment

    def set_clock(self, moment: SleepEvent, by_s: float) -> SleepEvent:
        """Note that the wall clock was set by so much; `moment` is by the new one."""
        self.lights = self.lights.shifted(timedelta(seconds=by_s))
        return replace(moment, step_s=by_s)

    def last_moments(self) -> Iterator[SleepEvent]:
        """Yield what is only known at the end."""
        yield from self._events.close()

    def summary(self) -> NightSummary:
        """Return the statistics of the time in bed, by both passes."""
        in_bed = self.lights.in_bed(self.stages)
        seen = {
            epoch.index: evidence(epoch.hypnodensity, epoch.raw_hypnodensity)
            for epoch in self.epochs
        }
        night = [seen.get(index, ()) for index in range(len(self.stages))]
        final = second_pass(self.stages, night)
        second = SmoothedSummary(summarise(final.stages, in_bed), final.n_changed)
        return replace(summarise(self.stages, in_bed), second=second)
