"""Wake or sleep, steady enough to switch a lamp by."""

from gateway.staging.stage import Refusal, Stage

TO_TURN = 2  # equal scored epochs


class SleepWakeDebouncer:
    """Debounce wake and sleep.

    The first scored epoch decides; after it, two scored epochs that agree against
    the verdict turn it. Refused epochs neither count nor interrupt.
    """

    def __init__(self) -> None:
        self._asleep: bool | None = None
        self._against = 0

    def push(self, stage: Stage | Refusal) -> bool | None:
        """Take the next epoch; return the verdict, None before any was scored."""
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
