"""How long connections last; a broker that hangs up at once is not pestered. Pure."""

from gateway.mqtt.paho_client import BACK_OFF_S

STEADY_S = 30.0
MOST_S = 15  # a bad network is not a reason to be late by more than half an epoch
PATIENT_S = 60  # where it is the broker that ends them
OFTEN = 3


class ReconnectBackoff:
    """Counts connections that ended soon after they began, one after the other."""

    def __init__(self) -> None:
        self._n_brief = 0
        self._since_s: float | None = None

    def connected(self, now_s: float) -> None:
        """Note that a connection begins."""
        self._since_s = now_s

    def lost(self, now_s: float) -> None:
        """Note that it ended."""
        if self._since_s is not None:
            is_brief = now_s - self._since_s < STEADY_S
            self._n_brief = self._n_brief + 1 if is_brief else 0
        self._since_s = None

    @property
    def keeps_ending(self) -> bool:
        """Whether the last few all were brief."""
        return self._n_brief >= OFTEN

    @property
    def back_off_s(self) -> tuple[int, int]:
        """The least and the longest wait before the next attempt."""
        least_s, most_s = BACK_OFF_S
        if self.keeps_ending:
            most_s = PATIENT_S
        return min(MOST_S, least_s * 2 ** min(self._n_brief, 4)), most_s
