"""Epoching: 30-s epochs of a night, ready for a classifier."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gateway.acquisition.montage import Montage
from gateway.acquisition.packets import SampleBlock
from gateway.epoch_length import EPOCH_S
from gateway.preprocessing.derivation import DerivationPicker, PlacedDerivation
from gateway.preprocessing.electrode_contact import (
    MAINS_HZ,
    StreamSamples,
    is_off_head,
)
from gateway.preprocessing.filtering import Band, band_limit
from gateway.preprocessing.signal_quality import (
    ABSENT,
    Flaw,
    Quality,
    any_flat,
    judge,
    railed_fraction,
)


@dataclass(frozen=True, slots=True, eq=False)
class Epoch:
    """Thirty seconds ready for a classifier.

    Attributes
    ----------
    index : int
        0-based within the session.
    uv : ndarray of float32, shape (n_derivations, n_samples)
        Filtered and at the model's rate, microvolts; zeros where a derivation is
        absent or flawed.
    quality : tuple of Quality
        One per derivation.
    t_rx : float
        Arrival of the packet that completed it, monotonic seconds.
    span : tuple of range
        The samples of the session that it covers, one range per stream.
    off_head : bool
        Whether a derivation is flawed because no EEG electrode was on the head.
    """

    index: int
    uv: NDArray[np.float32]
    quality: tuple[Quality, ...]
    t_rx: float
    span: tuple[range, ...] = ()
    off_head: bool = False

    @property
    def usable(self) -> NDArray[np.bool_]:
        """Mask of the derivations without a flaw, shape (n_derivations,)."""
        return np.array([not q.flaws for q in self.quality], dtype=np.bool_)

    @property
    def missing_s(self) -> float:
        """Seconds lost in the worst of the derivations the headband has."""
        return max((q.missing_s for q in self.quality), default=0.0)


def fill_gaps(
    uv: NDArray[np.float32], present: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """Bridge lost samples by straight lines between their neighbours.

    A step or a run of zeros would ring through the filter; a line does not.

    Parameters
    ----------
    uv : ndarray of float32, shape (n_channels, n_samples)
    present : ndarray of bool, shape (n_samples,)

    Returns
    -------
    ndarray of float32, same shape; all zeros if nothing is present.

    Examples
    --------
    >>> fill_gaps(np.float32([[0, 7, 2]]), np.array([True, False, True])).tolist()
    [[0.0, 1.0, 2.0]]
    """
    if present.all():
        return uv
    at = np.flatnonzero(present)
    if not at.size:
        return np.zeros_like(uv)
    every = np.arange(present.size)
    return np.stack([np.interp(every, at, row[at]) for row in uv]).astype(np.float32)


class _DerivedSignal(NamedTuple):
    """One of the model's inputs, shape (n_samples,), and its quality."""

    uv: NDArray[np.float32]
    quality: Quality


class EpochCutter:
    """Cuts epochs from one-second blocks.

    Parameters
    ----------
    montage : Montage
        What the headband records.
    montager : DerivationPicker
        The model's inputs, resolved against `montage`. Where one has alternatives,
        each epoch takes the first that its own samples allow.
    band : Band
        The model's band and rate.
    first_sample : callable or None
        Sample at which a second of the session begins, from the stream's position
        in the montage and the second; None where the nominal rates say it. An epoch
        of a stream whose rate is rough has as many samples as thirty true seconds.
    first_epoch : int
        Index of the first epoch to cut.
    """

    def __init__(
        self,
        montage: Montage,
        montager: DerivationPicker,
        band: Band,
        first_sample: Callable[[int, int], int] | None = None,
        first_epoch: int = 0,
    ) -> None:
        self._montage = montage
        self._first_sample = first_sample or self._nominal_first_sample
        self._montager = montager
        self._band = band
        self._blocks: list[SampleBlock] = []
        self._index = first_epoch

    def push_block(self, block: SampleBlock) -> Iterator[Epoch]:
        """Yield the epochs that `block` completes, one for every 30 s of the night.

        Blocks come in order. Seconds that are skipped count as missing, and so do
        whole epochs of them: they appear in their turn, once it is known that they
        are over.
        """
        while self._index < block.second // EPOCH_S:
            yield self._cut(block.t_rx)
        self._blocks.append(block)
        if block.second % EPOCH_S == EPOCH_S - 1:
            yield self._cut(block.t_rx)

    def lapse(self, second: int, t: float) -> Iterator[Epoch]:
        """Yield the epochs that end by `second`, which is known to be over at `t`."""
        while (self._index + 1) * EPOCH_S <= second:
            yield self._cut(t)

    def _cut(self, t_rx: float) -> Epoch:
        index, blocks, self._blocks = self._index, self._blocks, []
        self._index += 1
        joined = {
            placed.stream: self._join(placed.stream, index, blocks)
            for alternatives in self._montager.alternatives
            for placed in alternatives
        }
        derived = [self._best(x, joined) for x in self._montager.alternatives]
        uv = np.stack([x.uv for x in derived])
        quality = tuple(x.quality for x in derived)
        off = any(q.flaws - {Flaw.ABSENT} for q in quality) and self._is_off(
            index, blocks
        )
        return Epoch(index, uv, quality, t_rx, self._span(index), off)

    def _is_off(self, index: int, blocks: list[SampleBlock]) -> bool:
        streams = self._montage.streams
        samples = [self._join(at, index, blocks) for at in range(len(streams))]
        return is_off_head(streams, samples, self._band.notch_hz or MAINS_HZ)

    def _span(self, index: int) -> tuple[range, ...]:
        ends = index * EPOCH_S, (index + 1) * EPOCH_S
        return tuple(
            range(*(self._first_sample(at, second) for second in ends))
            for at in range(len(self._montage.streams))
        )

    def _best(
        self,
        alternatives: tuple[PlacedDerivation, ...],
        joined: Mapping[int, StreamSamples],
    ) -> _DerivedSignal:
        """Return the first that is good; if none is, the first of the least bad.

        What an epoch is made of depends on its own samples alone. An electrode that
        gives nothing is avoided, but no flaw: a recording may say 0 for a reference.
        """
        tried: list[_DerivedSignal] = []
        for placed in alternatives:
            samples = joined[placed.stream]
            derived = self._derive(placed, samples)
            if not derived.quality.flaws and (
                len(alternatives) == 1
                or not any_flat(samples.uv[:, samples.present], placed.weights)
            ):
                return derived
            tried.append(derived)
        if not tried:
            n_samples = round(EPOCH_S * self._band.sfreq)
            return _DerivedSignal(np.zeros(n_samples, np.float32), ABSENT)
        return min(tried, key=lambda x: len(x.quality.flaws))

    def _derive(
        self, placed: PlacedDerivation, samples: StreamSamples
    ) -> _DerivedSignal:
        stream, present = self._montage.streams[placed.stream], samples.present
        # true rate: what thirty seconds hold
        sfreq = present.size / EPOCH_S if stream.rough_rate else stream.sfreq
        railed = railed_fraction(samples.uv[:, present], stream, placed.weights)
        derived = placed.weights[None] @ fill_gaps(samples.uv, present)
        filtered = band_limit(derived, sfreq, self._band)[0]
        missing_s = float(np.count_nonzero(~present)) / sfreq
        quality = judge(filtered, missing_s, railed, EPOCH_S)
        if quality.flaws:
            filtered = np.zeros_like(filtered)
        return _DerivedSignal(filtered, replace(quality, derivation=placed.text))

    def _join(self, at: int, index: int, blocks: list[SampleBlock]) -> StreamSamples:
        first = self._first_sample(at, index * EPOCH_S)
        n_samples = self._first_sample(at, (index + 1) * EPOCH_S) - first
        uv = np.zeros((len(self._montage.streams[at].channels), n_samples), np.float32)
        present = np.zeros(n_samples, np.bool_)
        for block in blocks:
            offset = self._first_sample(at, block.second) - first
            where = slice(offset, offset + block.present[at].size)
            uv[:, where] = block.uv[at]
            present[where] = block.present[at]
        return StreamSamples(uv, present)

    def _nominal_first_sample(self, at: int, second: int) -> int:
        return self._montage.streams[at].first_sample(second)
