"""Question to systemd-timedated whether network time has set the clock.

For a service whose sandbox forbids adjtimex(2), on a machine without systemd-timesyncd.
"""

import subprocess

ASK_TIMEDATED = ("timedatectl", "show", "--property=NTPSynchronized", "--value")
ASK_EVERY_S, ANSWER_S = 60.0, 2.0


class Timedated:
    """Answer of systemd-timedated, which a sandboxed service may ask, a minute old.

    Parameters
    ----------
    command : tuple of str
    """

    def __init__(self, command: tuple[str, ...] = ASK_TIMEDATED) -> None:
        self._command = command
        self._next_s = 0.0
        self._synchronised = False

    def synchronised(self, t_s: float) -> bool:
        """Return whether the clock was set by network time; once it was, it stays so.

        Parameters
        ----------
        t_s : float
            Seconds that only go forward; it is asked once in sixty of them.
        """
        if not self._synchronised and t_s >= self._next_s:
            self._next_s = t_s + ASK_EVERY_S
            try:
                done = subprocess.run(  # noqa: S603 -- our own words
                    self._command, capture_output=True, timeout=ANSWER_S, check=False
                )
            except (OSError, subprocess.TimeoutExpired):
                return False
            self._synchronised = done.stdout.strip() == b"yes"
        return self._synchronised


TIMEDATED = Timedated()
