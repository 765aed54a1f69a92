"""Values between the radio and the signal path."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gateway.acquisition.montage import HeadbandInfo


class Notification(NamedTuple):
    """One GATT notification as it arrived.

    `t_rx` is monotonic seconds, read once by the I/O edge; `char` a UUID.
    """

    char: str
    payload: bytes
    t_rx: float


class LinkUp(NamedTuple):
    """A connection is subscribed and streaming begins. `t` is monotonic seconds."""

    t: float
    info: HeadbandInfo


class LinkDown(NamedTuple):
    """The connection ended, for whatever `reason`. `t` is monotonic seconds."""

    t: float
    reason: str


class ClockTick(NamedTuple):
    """The wall clock, once a second: `utc` was read at monotonic time `t`."""

    t: float
    utc: datetime
    synchronised: bool


class Battery(NamedTuple):
    """Charge of the headband, per cent."""

    percent: int


class Motion(NamedTuple):
    """Consecutive samples of the headband's accelerometer and gyroscope.

    `acc_g` is in units of standard gravity, `gyro_dps` in degrees per second; both
    are ndarrays of float32, shape (3, n_samples), axes x y z. One of them has no
    samples where there is no such sensor or the two come apart. `t_rx` is monotonic
    seconds.
    """

    acc_g: NDArray[np.float32]
    gyro_dps: NDArray[np.float32]
    t_rx: float


class Unread(NamedTuple):
    """The part of a sound notification that the driver cannot read, e.g. a new sensor.

    `what` says what stood there, `n_bytes` how much was passed over.
    """

    what: str
    n_bytes: int


@dataclass(frozen=True, slots=True, eq=False)
class SamplePacket:
    """Consecutive samples of one stream.

    Attributes
    ----------
    stream : int
        Position in `Montage.streams`.
    index : int
        Of the first sample, as the headband counts, modulo its `index_modulus`.
    counts : ndarray of int32, shape (n_channels, n_samples)
    t_rx : float
        Arrival, monotonic seconds.
    ticks : int or None
        Device clock at the first sample.
    """

    stream: int
    index: int
    counts: NDArray[np.int32]
    t_rx: float
    ticks: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class SampleBlock:
    """One second of the night, every stream, on the session's sample grid.

    Attributes
    ----------
    second : int
        0-based since the session began, on the headband's clock.
    uv : tuple of ndarray of float32, shape (n_channels, n_samples)
        One array per stream, microvolts; 0 where nothing arrived.
    present : tuple of ndarray of bool, shape (n_samples,)
        One mask per stream, False where a sample was lost.
    t_rx : float
        Arrival of the packet that completed it, monotonic seconds.
    first : tuple of int
        Sample of the session that it begins with, one per stream.
    """

    second: int
    uv: tuple[NDArray[np.float32], ...]
    present: tuple[NDArray[np.bool_], ...]
    t_rx: float
    first: tuple[int, ...] = ()


Input = Notification | LinkUp | LinkDown | ClockTick
Decoded = SamplePacket | Battery | Motion | Unread
