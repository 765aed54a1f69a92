"""Sleep/wake debouncer, steady enough to switch a lamp by. Pure."""

from gateway.staging.stage import Refusal, Stage

TO_TURN = 2  # equal scored epochs


class SleepWakeDebouncer:
    """Debouncer of wake and sleep.

    The first scored epoch decides; after it, two scored epochs in a row that contradict
    the state change it. Refused epochs neither count nor interrupt.
    """

    def __init__(self) -> None:
        self._asleep: bool | None = None
        self._against = 0

    def add_stage(self, stage: Stage | Refusal) -> bool | None:
        """Add the next epoch; return whether asleep, None before any was scored."""
        if isinstance(stage, Refusal):
            return self._asleep
        asleep = stage is not Stage.W
        if self._asleep is None or asleep == self._asleep:
            self._against = 0
            self._asleep = asleep
            return asleep
        self._against += 1
        if self._against == TO_TURN:
            self._against = 0
            self._asleep = asleep
        return self._asleep
