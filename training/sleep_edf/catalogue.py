"""Which files there are, whose they are, and what they must contain. Pure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from training.errors import FetchError

SUMS = "SHA256SUMS.txt"
LINE = re.compile(r"([0-9a-f]{64})\s+\*?(\S+)")
NAME = re.compile(
    r"(?:sleep-cassette/SC4|sleep-telemetry/ST7)\d{3}\w\w-(PSG|Hypnogram)\.edf"
)
NIGHTS = {20: 39, 78: 153}  # of the cassette, in the first 20 subjects and in all
LAST_OF_20 = 19


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file to be downloaded.

    Attributes
    ----------
    path : str
        Below the base URL, e.g. ``"sleep-cassette/SC4001E0-PSG.edf"``.
    sha256 : str
        Hex.
    """

    path: str
    sha256: str

    @property
    def name(self) -> str:
        """File name without folders."""
        return PurePosixPath(self.path).name

    @property
    def night(self) -> str:
        """Recording it belongs to, e.g. ``"SC4001"``."""
        return self.name[:6]

    @property
    def is_recording(self) -> bool:
        """Whether it is a night's signals, not its hypnogram."""
        return self.name.endswith("-PSG.edf")


def subject_of(night: str) -> str:
    """Return the two digits of the subject: ``"00"`` for ``"SC4001"``."""
    return night[3:5]


def wanted(sums: str, subjects: int, *, telemetry: bool = False) -> list[Wanted]:
    """Return the files of a set, recordings and hypnograms, by name.

    Parameters
    ----------
    sums : str
        Text of ``SHA256SUMS.txt``.
    subjects : int
        20 or 78: cassette subjects 00-19, or all.
    telemetry : bool
        Also the 44 nights of the telemetry study.

    Raises
    ------
    FetchError
        If the list does not hold exactly the nights it should.
    """
    files = [Wanted(path, digest) for digest, path in LINE.findall(sums)]
    files = sorted(
        (of for of in files if NAME.fullmatch(of.path)), key=lambda of: of.path
    )
    cassette = [
        of
        for of in files
        if of.name.startswith("SC")
        and (subjects != min(NIGHTS) or int(subject_of(of.night)) <= LAST_OF_20)
    ]
    _check(cassette, NIGHTS[subjects])
    if not telemetry:
        return cassette
    return cassette + [of for of in files if of.name.startswith("ST")]


def _check(files: Iterable[Wanted], n_nights: int) -> None:
    recordings = [of.night for of in files if of.is_recording]
    hypnograms = [of.night for of in files if not of.is_recording]
    if recordings != hypnograms or len(set(recordings)) != n_nights:
        raise FetchError(
            f"{SUMS} lists {len(recordings)} recordings and {len(hypnograms)} "
            f"hypnograms, not {n_nights} of each: a broken download, or another "
            "release than 1.0.0; see --url"
        )
