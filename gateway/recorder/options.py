"""Section ``outputs.edf`` of the configuration."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gateway.paths import recordings_folder

SUBJECT_LENGTH = 40


@dataclass(frozen=True, slots=True)
class EdfOptions:
    """Section ``outputs.edf``.

    Attributes
    ----------
    path : str
        Folder of the recordings; ``"auto"``: where systemd keeps the service's state,
        else the user's.
    subject : str or None
        A code for the header.
    min_free_mb : float
        With less room than this recording pauses.
    keep_days : float or None
        Recordings older than this are deleted; None keeps all.
    """

    path: str = "auto"
    subject: str | None = None
    min_free_mb: float = 500.0
    keep_days: float | None = None

    @property
    def folder(self) -> Path:
        """The folder of the recordings."""
        return recordings_folder() if self.path == "auto" else Path(self.path)

    def problems(self) -> Iterator[str]:
        """Yield what types cannot say."""
        if not self.path:
            yield "path: empty; name a folder, or auto"
        code = self.subject
        if code is not None and not (
            0 < len(code) <= SUBJECT_LENGTH and code.isascii() and code.isprintable()
        ):
            yield f"subject: {code!r}; give 1 to {SUBJECT_LENGTH} plain characters"
        if not 0 <= self.min_free_mb <= 1e6:  # noqa: PLR2004 (the message says them)
            yield f"min_free_mb: {self.min_free_mb}; give 0 to 1000000"
        if self.keep_days is not None and not 1 <= self.keep_days <= 36500:  # noqa: PLR2004 (said)
            yield f"keep_days: {self.keep_days}; give 1 to 36500, or null to keep all"
