"""Where the seconds of the session begin, on the headband's own count."""

from array import array
from bisect import bisect_right
from collections.abc import Sequence
from math import ceil, floor
from typing import NamedTuple

NEAR = 1e-6  # of a sample: what a float may be off


class ClockFit(NamedTuple):
    """True seconds on the sample count: second `k` begins at ``start + rate * k``."""

    start: float
    rate: float

    def second_at(self, sample: float) -> float:
        """Return the second of the session at which `sample` was taken."""
        return (sample - self.start) / self.rate


class SampleGrid:
    """The first sample of every second, cut once and never again.

    Seconds have the nominal number of samples until `steer` tells where true ones
    begin. From then on each new second ends with the sample nearest to its true end,
    but holds at most one sample more or less than the rate, rounded: a correction
    of phase is spread over the seconds to come.

    Parameters
    ----------
    sfreq : float
        Nominal sampling frequency of the stream whose samples are counted, Hz.

    Attributes
    ----------
    sfreq : float
    course : ClockFit or None
        What is steered by; None before the first time.
    """

    __slots__ = ("_edges", "course", "sfreq")

    def __init__(self, sfreq: float) -> None:
        self.sfreq = sfreq
        self.course: ClockFit | None = None
        self._edges = array("q", [0])

    def steer(self, course: ClockFit) -> None:
        """Cut the seconds to come by `course`."""
        self.course = course

    def resume(self, second: int, sample: int, rate: float | None) -> None:
        """Go on with `sample` at `second`, by a rate that was measured before.

        Where the seconds until then began is forgotten but for their sum.
        """
        pace = sample / second if second else self.sfreq
        self._edges = array("q", (round(pace * k) for k in range(second)))
        self._edges.append(sample)
        if rate is not None:
            self.course = ClockFit(sample - rate * second, rate)

    def first_sample(self, second: int) -> int:
        """Return the first sample of `second`, which is settled by the question."""
        while len(self._edges) <= second:
            self._cut()
        return self._edges[second]

    def second_of(self, sample: float) -> int:
        """Return the second that holds `sample`, and settle where it ends."""
        while self._edges[-1] <= sample:
            self._cut()
        return bisect_right(self._edges, sample) - 1

    def second_at(self, sample: float) -> float:
        """Return the second of the session at which `sample` was taken."""
        second = self.second_of(sample)
        first = self.first_sample(second)
        return second + (sample - first) / (self.first_sample(second + 1) - first)

    def sample_at(self, second: float) -> float:
        """Return where on the count `second` of the session is."""
        whole = floor(second)
        first = self.first_sample(whole)
        return first + (second - whole) * (self.first_sample(whole + 1) - first)

    def _cut(self) -> None:
        second, last = len(self._edges), self._edges[-1]
        if self.course is None:
            self._edges.append(ceil(second * self.sfreq - NEAR))
            return
        start, rate = self.course
        n_samples = round(start + rate * second) - last
        usual = round(rate)
        self._edges.append(last + min(max(n_samples, usual - 1, 1), usual + 1))


class RecordedGrid(SampleGrid):
    """The seconds of a recording that says where its epochs begin.

    Parameters
    ----------
    sfreq : float
        Nominal sampling frequency of the stream whose samples are counted, Hz.
    epochs : sequence of int
        First sample of every epoch, and of what follows the last; at least two.
    epoch_s : int
        Length of an epoch, seconds. Its seconds are equal but for rounding, and
        those beyond the last epoch are as long as its.
    """

    __slots__ = ("_epoch_s", "_epochs")

    def __init__(self, sfreq: float, epochs: Sequence[int], epoch_s: int) -> None:
        super().__init__(sfreq)
        self._epochs, self._epoch_s = epochs, epoch_s

    def _cut(self) -> None:
        epoch, second = divmod(len(self._edges), self._epoch_s)
        at = min(epoch, len(self._epochs) - 2)
        first, end = self._epochs[at : at + 2]
        along = (epoch - at) * self._epoch_s + second
        self._edges.append(first + round((end - first) * along / self._epoch_s))
