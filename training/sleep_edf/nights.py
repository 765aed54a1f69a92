"""A prepared night on disk: epochs as the network is fed, mapped, not loaded."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.errors import TrainingDataError
from training.sleep_edf.catalogue import subject_of

UV, STAGES, EPOCHS, ABOUT = "uv.npy", "stages.npy", "epochs.npy", "about.json"
LARGEST_UV = 60_000.0  # float16 ends at 65,504


@dataclass(frozen=True, slots=True, eq=False)
class PreparedNight:
    """The scored epochs of one night.

    Attributes
    ----------
    name : str
        E.g. ``"SC4001"``.
    uv : ndarray of float16, shape (n_epochs, n_channels, 3000)
        In the band of the gateway, microvolts; mapped from the file.
    stages : ndarray of int8, shape (n_epochs,)
        0-4: W N1 N2 N3 R.
    epochs : ndarray of int32, shape (n_epochs,)
        30-s positions within the recording, rising.
    about : mapping
        Where it came from and what was left out.
    """

    name: str
    uv: NDArray[np.float16]
    stages: NDArray[np.int8]
    epochs: NDArray[np.int32]
    about: Mapping[str, Any]

    @property
    def subject(self) -> str:
        """Two digits."""
        return subject_of(self.name)


def write_night(folder: Path, night: PreparedNight) -> None:
    """Write a night into `folder`, all of it or nothing."""
    making = folder / f".{night.name}.partial"
    making.mkdir(parents=True, exist_ok=True)
    np.save(making / UV, night.uv)
    np.save(making / STAGES, night.stages)
    np.save(making / EPOCHS, night.epochs)
    (making / ABOUT).write_text(json.dumps(dict(night.about), indent=1))
    final = folder / night.name
    if final.exists():
        for old in final.iterdir():
            old.unlink()
        final.rmdir()
    making.replace(final)


def read_about(folder: Path, name: str) -> Mapping[str, Any] | None:
    """Return what is noted about a night that is there; None if it is not."""
    path = folder / name / ABOUT
    if not path.exists():
        return None
    about: Mapping[str, Any] = json.loads(path.read_text())
    return about


def read_night(folder: Path, name: str) -> PreparedNight:
    """Map a night that `write_night` wrote."""
    at = folder / name
    return PreparedNight(
        name=name,
        uv=np.load(at / UV, mmap_mode="r"),
        stages=np.load(at / STAGES),
        epochs=np.load(at / EPOCHS),
        about=json.loads((at / ABOUT).read_text()),
    )


def read_nights(folder: Path) -> list[PreparedNight]:
    """Map every prepared night, by name.

    Raises
    ------
    TrainingDataError
        If there is none, or they were not all prepared alike.
    """
    found = sorted(path.parent.name for path in folder.glob(f"[!.]*/{ABOUT}"))
    if not found:
        raise TrainingDataError(
            f"{folder}: no prepared nights; run `python -m training sleep-edf prepare`"
        )
    nights = [read_night(folder, name) for name in found]
    ways = {json.dumps(night.about["prepared"], sort_keys=True) for night in nights}
    if len(ways) > 1:
        raise TrainingDataError(
            f"{folder}: prepared with different channels or bands; prepare again"
        )
    return nights


class Epochs:
    """The epochs of several nights, one after the other, read when asked for.

    Parameters
    ----------
    nights : sequence of PreparedNight
    """

    def __init__(self, nights: Sequence[PreparedNight]) -> None:
        self._uv = [night.uv for night in nights]
        self._ends = np.cumsum([len(night.stages) for night in nights])
        self.stages = np.concatenate([night.stages for night in nights])
        self.shape = (len(self.stages), *self._uv[0].shape[1:])
        self.subjects = np.repeat(
            [night.subject for night in nights], [len(n.stages) for n in nights]
        )

    def __len__(self) -> int:
        return len(self.stages)

    def __getitem__(self, which: slice | NDArray[np.integer]) -> NDArray[np.float32]:
        """Return epochs by slice or by index, shape (n, n_channels, 3000)."""
        where = np.arange(len(self))[which]
        found = np.empty((len(where), *self.shape[1:]), np.float32)
        owner = np.searchsorted(self._ends, where, side="right")
        for number in np.unique(owner):
            mine = owner == number
            first = self._ends[number] - len(self._uv[number])
            found[mine] = self._uv[number][where[mine] - first]
        return found
