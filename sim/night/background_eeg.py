"""The background of a made-up sleeper's channels: noise that follows the stages. Pure.

Noise comes in seven bands, in chunks of many minutes that fade into each other;
nothing of it knows where an epoch begins.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

EPOCH_S = 30
SFREQ = 100
CHUNK = 2**17  # 22 minutes of noise at a time
JOINT = 1000  # samples over which one chunk fades into the next
ANTIPHASE = 0.35  # of slow waves at Pz-Oz to those at Fpz-Cz, about -0.4 in N2 and N3

# One-sided power density, dB of 1 uV^2/Hz, of the background without single waves;
# after the medians of std in 171,727 epochs of Sleep-EDF cassette nights and the
# band powers of 117 raw ones. Rows W N1 N2 N3 R, columns BANDS_HZ.
BANDS_HZ = ((0.3, 1.5), (1.5, 4), (4, 8), (8, 12), (12, 16), (16, 30), (30, 45))
BACKGROUND_DB = np.array(
    [
        [  # Fpz-Cz
            [17.5, 12.5, 6.0, 4.0, 2.0, -0.5, -1.0],
            [15.5, 10.0, 4.0, 0.5, -3.5, -5.5, -8.5],
            [17.5, 13.5, 6.0, 1.0, -2.0, -8.0, -13.0],
            [25.5, 19.5, 9.5, 1.0, -2.0, -10.0, -16.0],
            [13.0, 9.5, 4.5, 1.0, -3.5, -5.5, -8.5],
        ],
        [  # Pz-Oz
            [9.0, 4.0, 1.5, 0.0, 0.0, -2.0, -2.5],
            [10.5, 5.0, 0.5, -2.5, -6.0, -9.0, -13.0],
            [12.5, 9.0, 4.0, -1.0, -4.0, -9.0, -15.0],
            [21.0, 15.0, 6.5, 0.0, -3.0, -10.0, -16.0],
            [10.5, 5.5, 0.5, -2.0, -6.0, -9.0, -13.0],
        ],
        [  # EOG horizontal
            [17.0, 12.0, 5.0, 1.5, -1.0, -2.0, -2.0],
            [14.0, 9.0, 1.5, -2.0, -5.0, -6.0, -7.0],
            [17.5, 11.5, 4.5, 0.0, -3.0, -6.5, -8.5],
            [23.5, 17.0, 7.5, 0.0, -3.0, -7.0, -9.0],
            [14.0, 9.0, 3.0, -2.0, -5.0, -7.0, -9.0],
        ],
    ]
)


def background(
    dice: np.random.Generator, codes: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Return the background of a night, microvolts, shape (3, n_samples).

    Parameters
    ----------
    dice : Generator
    codes : ndarray of int, shape (n_epochs,)
        Stages, 0 to 4 for W N1 N2 N3 R.
    """
    n_seconds = codes.size * EPOCH_S
    gain = _gains(dice, codes)
    seconds = np.arange(n_seconds) + 0.5
    uv = np.zeros((3, n_seconds * SFREQ), np.float32)
    for start, noise in _noise(dice, uv.shape[1]):
        stop = start + noise.shape[2]
        time = np.arange(start, stop) / SFREQ
        for at in range(3):
            for band in range(len(BANDS_HZ)):
                amplitude = np.interp(time, seconds, gain[at, band])
                uv[at, start:stop] += amplitude * noise[at, band]
    return uv


def smooth(per_second: NDArray[np.float64]) -> NDArray[np.float64]:
    """Let stages pass into each other over about ten seconds."""
    kernel = np.hanning(13)[1:-1]
    padded = np.pad(per_second, 5, "edge")
    return np.convolve(padded, kernel / kernel.sum(), "valid")


def _gains(dice: np.random.Generator, codes: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return rms amplitudes per channel, band and second."""
    width_hz = np.array([high - low for low, high in BANDS_HZ])
    rms_uv = np.sqrt(10 ** (BACKGROUND_DB / 10) * width_hz)
    n_seconds = codes.size * EPOCH_S
    gain = np.empty((3, len(BANDS_HZ), n_seconds))
    for band in range(len(BANDS_HZ)):
        waxing = _waxing(dice, n_seconds)
        for at in range(3):
            gain[at, band] = smooth(rms_uv[at, codes, band].repeat(EPOCH_S)) * waxing
    return gain


def _waxing(dice: np.random.Generator, n_seconds: int) -> NDArray[np.float64]:
    """Return a gain about 1 that wanders within seconds and minutes."""
    wander = np.zeros(n_seconds)
    for every_s, spread in ((4, 0.25), (120, 0.12)):
        knots = dice.normal(0, spread, n_seconds // every_s + 2)
        along = np.arange(n_seconds) / every_s
        wander += np.interp(along, np.arange(knots.size), knots)
    return np.exp(wander)


def _noise(
    dice: np.random.Generator, n_samples: int
) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Yield starts and pieces, shape (3, n_bands, n), of unit variance, seamless."""
    phase = np.linspace(0, np.pi / 2, JOINT, dtype=np.float32)
    tail = None
    start = 0
    while start < n_samples:
        chunk = _chunk(dice)
        if tail is not None:
            chunk[:, :, :JOINT] *= np.sin(phase)
            chunk[:, :, :JOINT] += tail * np.cos(phase)
        n = min(CHUNK - JOINT, n_samples - start)
        yield start, chunk[:, :, :n]
        tail = chunk[:, :, CHUNK - JOINT :]
        start += n


def _chunk(dice: np.random.Generator) -> NDArray[np.float32]:
    freq_hz = np.fft.rfftfreq(CHUNK, 1 / SFREQ)
    white = dice.normal(size=(3, freq_hz.size)) + 1j * dice.normal(
        size=(3, freq_hz.size)
    )
    slow = freq_hz < BANDS_HZ[1][1]
    own = np.sqrt(1 - ANTIPHASE**2)
    white[1, slow] = own * white[1, slow] - ANTIPHASE * white[0, slow]
    chunk = np.empty((3, len(BANDS_HZ), CHUNK), np.float32)
    for band, (low, high) in enumerate(BANDS_HZ):
        inside = (freq_hz >= low) & (freq_hz < high)
        shape = np.zeros(freq_hz.size)
        shape[inside] = freq_hz[inside] ** -0.5
        shape *= CHUNK / (2 * np.sqrt((shape**2).sum()))
        chunk[:, band] = np.fft.irfft(white * shape, CHUNK)
    return chunk
