"""A person asleep who does not exist: the project's own night. Pure, seeded.

Noise whose bands follow the stages, and on top of it the waves by which stages are
told apart. Rates and amplitudes were set by hand until spread and band powers came
near those of real nights. It is good for demonstrations and for tests of plumbing;
no figure of merit may be taken from it.
"""

import numpy as np
from numpy.typing import NDArray

from gateway.acquisition.montage import Channel, Modality, Montage, Stream
from gateway.recordings.recording import Recording
from gateway.staging.stage import STAGES, Stage
from sim.night import graphoelements
from sim.night.background_eeg import EPOCH_S, SFREQ, background, smooth
from sim.night.stage_sequence import stage_sequence

FPZ_CZ, PZ_OZ, EOG = range(3)
W, N1, N2, N3, R = range(5)
EMG_UV = np.array([4.0, 3.6, 3.2, 2.7, 2.2])  # envelope; medians of the raw cuts

Uv = NDArray[np.float32]


def _channel(label: str, modality: Modality, lsb_uv: float) -> Channel:
    return Channel(label, modality, float(np.float32(lsb_uv * 1e-6)) * 1e6)


MONTAGE = Montage(
    (
        Stream(
            float(SFREQ),
            (
                _channel("Fpz-Cz", Modality.EEG, 0.05),
                _channel("Pz-Oz", Modality.EEG, 0.05),
                _channel("EOG", Modality.EOG, 0.1),
            ),
        ),
        Stream(1.0, (_channel("EMG", Modality.EMG, 0.002),)),
    )
)


def synthetic_night(seed: int, hours: float) -> tuple[Recording, tuple[Stage, ...]]:
    """Make up a night.

    Parameters
    ----------
    seed : int
        The same seed gives the same night.
    hours : float
        Rounded to whole epochs of 30 s.

    Returns
    -------
    recording : Recording
        EEG Fpz-Cz, EEG Pz-Oz and EOG at 100 Hz, the envelope of the chin EMG at
        1 Hz; `synthetic`, and SYNTHETIC by name.
    stages : tuple of Stage
        One per epoch.
    """
    dice = np.random.default_rng(seed)
    stages = stage_sequence(dice, round(hours * 3600 / EPOCH_S))
    codes = np.array([STAGES.index(stage) for stage in stages])
    uv = background(dice, codes)
    emg_uv = _chin(dice, codes)
    _single_waves(dice, uv, codes)
    _movements(dice, uv, emg_uv, codes)
    night = Recording(
        name=f"SYNTHETIC night {seed}",
        montage=MONTAGE,
        counts=(_digital(MONTAGE.streams[0], uv), _digital(MONTAGE.streams[1], emg_uv)),
        synthetic=True,
    )
    return night, stages


def _digital(stream: Stream, uv: Uv) -> NDArray[np.int16]:
    counts = np.empty(uv.shape, np.int16)
    for row, channel, signal in zip(counts, stream.channels, uv, strict=True):
        scaled = np.rint(signal / np.float32(channel.lsb_uv))
        row[:] = np.clip(scaled, channel.digital_min, channel.digital_max)
    return counts


def _chin(dice: np.random.Generator, codes: NDArray[np.int64]) -> Uv:
    level = smooth(EMG_UV[codes].repeat(EPOCH_S))
    restless = dice.normal(0, 0.25, level.size)
    twitches = (codes.repeat(EPOCH_S) == R) & (dice.random(level.size) < 1 / 60)
    restless[twitches] += dice.uniform(0.5, 2.5, np.count_nonzero(twitches))
    return np.maximum(level + restless, 0.2).astype(np.float32)[None]


def _single_waves(dice: np.random.Generator, uv: Uv, codes: NDArray[np.int64]) -> None:
    busy = False  # eyes open in W, phasic in R
    for second, code in enumerate(codes.repeat(EPOCH_S).tolist()):
        if _happens(dice, 1 / 25):
            busy = not busy
        at = second * SFREQ + int(dice.integers(SFREQ))
        match code:
            case 0:
                (_looking if busy else _resting)(dice, uv, at)
            case 1:
                _drowsy(dice, uv, at)
            case 2:
                _light(dice, uv, at)
            case 3:
                _spindle(dice, uv, at, 0.02)
            case 4:
                _dreaming(dice, uv, at, 0.75 if busy else 0.04)


def _happens(dice: np.random.Generator, rate: float) -> bool:
    return bool(dice.random() < rate)


def _looking(dice: np.random.Generator, uv: Uv, at: int) -> None:
    _glance(dice, uv, at, 0.8, 170)
    if _happens(dice, 0.25):
        peak_uv = dice.uniform(50, 110)
        graphoelements.add(uv[FPZ_CZ], at, graphoelements.blink(), peak_uv)
        graphoelements.add(uv[EOG], at, graphoelements.blink(), 0.3 * peak_uv)


def _resting(dice: np.random.Generator, uv: Uv, at: int) -> None:
    _alpha(dice, uv, at, 0.5)
    _glance(dice, uv, at, 0.12, 60)
    _roll(dice, uv, at, 0.04)


def _drowsy(dice: np.random.Generator, uv: Uv, at: int) -> None:
    _alpha(dice, uv, at, 0.04)
    _roll(dice, uv, at, 0.08)


def _light(dice: np.random.Generator, uv: Uv, at: int) -> None:
    _spindle(dice, uv, at, 0.06)
    if _happens(dice, 1 / 50):
        peak_uv = dice.uniform(60, 120)
        for row, share in ((FPZ_CZ, 1.0), (PZ_OZ, -0.35), (EOG, 0.3)):
            graphoelements.add(uv[row], at, graphoelements.k_complex(), share * peak_uv)


def _dreaming(dice: np.random.Generator, uv: Uv, at: int, rate: float) -> None:
    _glance(dice, uv, at, rate, 90)
    if _happens(dice, 1 / 40):
        teeth = graphoelements.sawtooth(dice.uniform(2, 4), int(dice.integers(4, 10)))
        graphoelements.add(uv[FPZ_CZ], at, teeth, dice.uniform(8, 16))


def _alpha(dice: np.random.Generator, uv: Uv, at: int, rate: float) -> None:
    if _happens(dice, rate):
        burst = graphoelements.spindle(dice.normal(9.8, 0.4), dice.uniform(1, 4))
        peak_uv = dice.uniform(8, 22)
        graphoelements.add(uv[PZ_OZ], at, burst, peak_uv)
        graphoelements.add(uv[FPZ_CZ], at, burst, -0.5 * peak_uv)


def _spindle(dice: np.random.Generator, uv: Uv, at: int, rate: float) -> None:
    if _happens(dice, rate):
        burst = graphoelements.spindle(dice.uniform(12, 14.5), dice.uniform(0.6, 1.6))
        peak_uv = dice.uniform(12, 30)
        graphoelements.add(uv[FPZ_CZ], at, burst, peak_uv)
        graphoelements.add(uv[PZ_OZ], at, burst, 0.6 * peak_uv)


def _glance(
    dice: np.random.Generator, uv: Uv, at: int, rate: float, peak_uv: float
) -> None:
    if _happens(dice, rate):
        size_uv = peak_uv * float(dice.uniform(0.3, 1.2)) * float(dice.choice([-1, 1]))
        jump = graphoelements.saccade(dice.uniform(0.3, 0.9))
        graphoelements.add(uv[EOG], at, jump, size_uv)
        graphoelements.add(uv[FPZ_CZ], at, jump, 0.12 * size_uv)


def _roll(dice: np.random.Generator, uv: Uv, at: int, rate: float) -> None:
    if _happens(dice, rate):
        roll = graphoelements.spindle(dice.uniform(0.2, 0.5), dice.uniform(4, 12))
        graphoelements.add(uv[EOG], at, roll, dice.uniform(25, 80))


def _movements(
    dice: np.random.Generator, uv: Uv, emg_uv: Uv, codes: NDArray[np.int64]
) -> None:
    """Shake everything for some seconds: at most awakenings, elsewhere now and then."""
    woke = np.flatnonzero((codes[1:] == W) & (codes[:-1] != W)) + 1
    moves = [int(e) for e in woke if _happens(dice, 0.7)]
    moves += np.flatnonzero(dice.random(codes.size) < 1 / 150).tolist()
    for epoch in moves:
        second = epoch * EPOCH_S + int(dice.integers(EPOCH_S))
        length_s = int(dice.integers(2, 9))
        shake = graphoelements.movement(dice, length_s)
        for row, share in zip(uv, dice.uniform(0.3, 1, 3), strict=True):
            graphoelements.add(
                row, second * SFREQ, shake, share * dice.uniform(80, 300)
            )
        emg_uv[0, second : second + length_s] += np.float32(dice.uniform(2, 8))
