"""Options of the journal: its file, and how much it keeps."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gateway.journal.entry import JournalLimits
from gateway.paths import journal_file


@dataclass(frozen=True, slots=True)
class JournalOptions:
    """Section ``outputs.mqtt.journal``.

    Attributes
    ----------
    path : str
        ``"auto"``: where systemd keeps the service's state, else the user's.
    keep_days : float
        How long what the broker has can be asked for again.
    max_mb : float
        Larger, the oldest epochs go, whether a broker had them or not.
    """

    path: str = "auto"
    keep_days: float = 30.0
    max_mb: float = 64.0

    @property
    def file(self) -> Path:
        """The journal's file."""
        return journal_file() if self.path == "auto" else Path(self.path)

    @property
    def bounds(self) -> JournalLimits:
        """Limits of what is kept."""
        return JournalLimits(self.keep_days, round(self.max_mb * 1e6))

    def problems(self) -> Iterator[str]:
        """Yield what types cannot say."""
        if not 0 <= self.keep_days <= 3650:  # noqa: PLR2004 (the message says them)
            yield f"keep_days: {self.keep_days}; give 0 to 3650"
        if not 1 <= self.max_mb <= 10_000:  # noqa: PLR2004 (the message says them)
            yield f"max_mb: {self.max_mb}; give 1 to 10000"
