"""Download one file, whatever the line and the server do.

Bytes go to ``NAME.partial``; only what has the right SHA-256 gets its name.
"""

import http.client
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from hashlib import file_digest
from pathlib import Path
from typing import BinaryIO

from training.errors import FetchError

CHUNK = 1 << 16
LARGEST = 1 << 30  # bytes; the longest recording has 51 million
TIMEOUT_S = 60.0
PATIENCE = 8  # attempts in a row that bring nothing
FRESH_STARTS = 2  # with a file that is whole and wrong
NOT_SATISFIABLE, PARTIAL, SERVER_ERROR, TOO_MANY = 416, 206, 500, 429
DROPPED = (http.client.HTTPException, OSError)  # URLError and time-outs are OSErrors

Told = Callable[[int, int | None], None]


def download(
    url: str,
    target: Path,
    sha256: str,
    told: Told = lambda _got, _of: None,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Fetch `url` into `target`, going on where an earlier attempt ended.

    Parameters
    ----------
    url : str
    target : Path
        Left alone if it has the right checksum.
    sha256 : str
        Hex.
    told : callable
        Takes the bytes there are and, if the server says so, how many there will be.
    sleep : callable
        Takes seconds; between attempts.

    Raises
    ------
    FetchError
        If the server refuses, stays silent, or twice sends something else.
    """
    if target.exists():
        if _digest(target) == sha256:
            return
        target.unlink()
    partial = target.with_name(target.name + ".partial")
    for _ in range(FRESH_STARTS):
        _complete(url, partial, sha256, told, sleep)
        if _digest(partial) == sha256:
            _sync(partial)
            partial.replace(target)
            return
        partial.unlink()
    raise FetchError(
        f"{url}: its SHA-256 is not {sha256[:12]}..., twice: the server or something "
        "on the way changes it; try again later, or another --url"
    )


def _complete(
    url: str, partial: Path, sha256: str, told: Told, sleep: Callable[[float], None]
) -> None:
    """Fetch until the checksum is right or the server has no more to give."""
    failures = 0
    while True:
        before = partial.stat().st_size if partial.exists() else 0
        try:
            more = _attempt(url, partial, told)
            why = "it sends nothing"
        except urllib.error.HTTPError as error:
            if error.code < SERVER_ERROR and error.code != TOO_MANY:
                raise FetchError(f"{url}: HTTP {error.code} {error.reason}") from error
            more, why = True, f"HTTP {error.code} {error.reason}"
        except DROPPED as error:
            more, why = True, str(error) or type(error).__name__
        now = partial.stat().st_size if partial.exists() else 0
        if now > LARGEST:
            partial.unlink()
            raise FetchError(f"{url}: more than {LARGEST} bytes come; see --url")
        if now and (_digest(partial) == sha256 or not more):
            return
        failures = 0 if now > before else failures + 1
        if failures == PATIENCE:
            raise FetchError(
                f"{url}: {why}, {PATIENCE} times in a row; {now} bytes are kept: run "
                "it again to go on"
            )
        sleep(min(2.0**failures, 60.0))


def _attempt(url: str, partial: Path, told: Told) -> bool:
    """Fetch what is missing; tell whether the server may have more to give."""
    before = there = partial.stat().st_size if partial.exists() else 0
    headers = {"User-Agent": "sleepgate", "Accept-Encoding": "identity"}
    if there:
        headers["Range"] = f"bytes={there}-"
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 (the user's URL)
    try:
        answer = urllib.request.urlopen(request, timeout=TIMEOUT_S)  # noqa: S310 (the mirror named)
    except urllib.error.HTTPError as error:
        if error.code == NOT_SATISFIABLE and there:
            return False
        raise
    with answer:
        resumed = answer.status == PARTIAL
        if resumed and _start(answer) != there:
            partial.unlink()  # it answers what was not asked: begin again
            return True
        there = there if resumed else 0
        promised = answer.headers.get("Content-Length", "")
        whole = there + int(promised) if promised.isdecimal() else None
        with partial.open("ab" if resumed else "wb") as file:
            now = _copy(answer, file, there, whole, told)
    return now != before or now != whole


def _start(answer: http.client.HTTPResponse) -> int:
    """Return where the bytes begin that the server sends; -1 if it does not say."""
    told = answer.headers.get("Content-Range", "").removeprefix("bytes ")
    first = told.partition("-")[0].strip()
    return int(first) if first.isdecimal() else -1


def _copy(
    answer: http.client.HTTPResponse,
    file: BinaryIO,
    there: int,
    whole: int | None,
    told: Told,
) -> int:
    while there <= LARGEST and (chunk := answer.read1(CHUNK)):
        file.write(chunk)
        there += len(chunk)
        told(there, whole)
    return there


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
