"""Download the nights of Sleep-EDF Expanded, checked, and again where it broke off."""

import time
from collections.abc import Callable
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from training.errors import FetchError
from training.progress import Progress
from training.sleep_edf.catalogue import SUMS, Wanted, wanted
from training.sleep_edf.download import DROPPED, PATIENCE, TIMEOUT_S, download

PHYSIONET = "https://physionet.org/files/sleep-edfx/1.0.0/"
LONGEST_LIST = 1 << 20  # bytes
MB = 1_000_000
SHARE_OF_HYPNOGRAM = 1e-4  # of a recording's size


def fetch(  # noqa: PLR0913 (one for each choice)
    folder: Path,
    subjects: int,
    *,
    telemetry: bool = False,
    url: str = PHYSIONET,
    progress: Progress | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> list[Path]:
    """Bring the nights of a set into `folder`, each whole or not at all.

    Parameters
    ----------
    folder : Path
        Made if absent. Files there are checked and kept.
    subjects : int
        20 (39 nights, about 1.9 GB) or 78 (153 nights, about 7.4 GB).
    telemetry : bool
        Also the telemetry study.
    url : str
        Of a folder laid out like PhysioNet's, ``SHA256SUMS.txt`` included.
    progress : Progress or None
    sleep : callable
        Takes seconds; between attempts.

    Raises
    ------
    FetchError
        If the server cannot be reached or sends something else.
    """
    url = url.rstrip("/") + "/"
    folder.mkdir(parents=True, exist_ok=True)
    files = wanted(_list(url + SUMS, sleep), subjects, telemetry=telemetry)
    progress = progress or Progress("fetch")
    whole = sum(map(_share, files))
    done = 0.0
    targets = []
    for of in files:
        target = folder / of.name
        counter = _Counter(progress, done / whole, _share(of) / whole, of.name)
        counter(0, None)
        download(url + of.path, target, of.sha256, counter, sleep)
        done += _share(of)
        targets.append(target)
    progress.show(1.0, f"{len(targets)} files in {folder}")
    return targets


class _Counter:
    """Tell the progress of all files by the bytes of one."""

    def __init__(
        self, progress: Progress, done: float, share: float, name: str
    ) -> None:
        self._progress, self._done, self._share = progress, done, share
        self._name = name

    def __call__(self, got: int, whole: int | None) -> None:
        part = min(got / whole, 1) if whole else 0
        note = f"{self._name}, {got / MB:.1f} MB" if got else self._name
        self._progress.show(min(self._done + part * self._share, 0.9999), note)


def _share(of: Wanted) -> float:
    return 1.0 if of.is_recording else SHARE_OF_HYPNOGRAM


def _list(url: str, sleep: Callable[[float], None]) -> str:
    why = ""
    for attempt in range(PATIENCE):
        try:
            request = Request(url, headers={"User-Agent": "sleepgate"})  # noqa: S310 (the mirror named)
            with urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310 (user's)
                text: bytes = answer.read(LONGEST_LIST)
                return text.decode("utf-8", "replace")
        except HTTPError as error:
            raise FetchError(f"{url}: HTTP {error.code} {error.reason}") from error
        except DROPPED as error:
            why = str(error) or type(error).__name__
        sleep(min(2.0**attempt, 60.0))
    raise FetchError(f"{url}: {why}; is this machine on the internet? see --url")
