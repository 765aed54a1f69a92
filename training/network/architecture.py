"""ULW-SleepNet as a list of layers, countable without any framework.

After the authors' published code: three depthwise-separable blocks shared by all
channels, global average pooling per channel, two dense layers. One input channel
more costs 32 x 64 weights and nothing else.
"""

from collections.abc import Iterator
from dataclasses import dataclass

N_SAMPLES = 3000
N_CLASSES = 5
WIDTHS = (8, 16, 32)
N_HIDDEN = 64
KERNEL = 3
BATCH_NORM_EPSILON = 1e-3
BLOCK_DROPOUT = 0.1
HEAD_DROPOUT = 0.3


@dataclass(frozen=True, slots=True)
class Parameter:
    """One trainable tensor.

    Attributes
    ----------
    name : str
        ``"block/layer/role"``; unique.
    shape : tuple of int
    """

    name: str
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """Number of scalars."""
        size = 1
        for length in self.shape:
            size *= length
        return size


def parameters(n_channels: int) -> tuple[Parameter, ...]:
    """Return every trainable tensor of the network, in a fixed order.

    Parameters
    ----------
    n_channels : int
        At least 1.
    """
    return (*_extractor(), *_head(n_channels))


def count_parameters(n_channels: int) -> int:
    """Return the number of trainable scalars: 11,289 at three channels."""
    return sum(parameter.size for parameter in parameters(n_channels))


def count_multiplications(n_channels: int) -> int:
    """Return the multiply-accumulates of an epoch, by the layers as published.

    3,498,352 at four channels, so 7.00 million operations; the paper (arXiv
    2602.23852) says 7.89 million FLOPs, by TensorFlow's profiler. What ships has each
    separable pair multiplied out: more multiplications, fewer passes over memory.
    """
    per_channel, length, n_in = 0, N_SAMPLES, 1
    for width in WIDTHS:
        half, quarter = -(-length // 2), -(-length // 4)
        per_channel += _of_separable(KERNEL, n_in, width) * length
        per_channel += _of_separable(KERNEL, width, width) * half
        per_channel += _of_separable(1, n_in, width) * half
        per_channel += _of_separable(1, width, width) * quarter
        length, n_in = quarter, width
    dense = WIDTHS[-1] * n_channels * N_HIDDEN + N_HIDDEN * N_CLASSES
    return n_channels * per_channel + dense


def _of_separable(length: int, n_in: int, n_out: int) -> int:
    """Return the multiplications for each sample that comes out."""
    return length * n_in + n_in * n_out


def _extractor() -> Iterator[Parameter]:
    n_in = 1
    for number, width in enumerate(WIDTHS):
        block = f"block{number}"
        yield from _separable(f"{block}/main_a", KERNEL, n_in, width)
        yield from _batch_norm(f"{block}/norm_a", width)
        yield from _separable(f"{block}/main_b", KERNEL, width, width)
        yield from _batch_norm(f"{block}/norm_b", width)
        yield from _separable(f"{block}/short_a", 1, n_in, width)
        yield from _separable(f"{block}/short_b", 1, width, width)
        n_in = width


def _head(n_channels: int) -> Iterator[Parameter]:
    yield Parameter("hidden/kernel", (WIDTHS[-1] * n_channels, N_HIDDEN))
    yield Parameter("hidden/bias", (N_HIDDEN,))
    yield Parameter("logits/kernel", (N_HIDDEN, N_CLASSES))
    yield Parameter("logits/bias", (N_CLASSES,))


def _separable(name: str, length: int, n_in: int, n_out: int) -> Iterator[Parameter]:
    yield Parameter(f"{name}/depthwise", (length, n_in))
    yield Parameter(f"{name}/pointwise", (n_in, n_out))
    yield Parameter(f"{name}/bias", (n_out,))


def _batch_norm(name: str, width: int) -> Iterator[Parameter]:
    yield Parameter(f"{name}/gamma", (width,))
    yield Parameter(f"{name}/beta", (width,))
