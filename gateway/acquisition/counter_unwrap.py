"""Unwrapping of packet counters that restart at 0."""


def unwrap(count: int, near: int, modulus: int) -> int:
    """Return the integer nearest to `near` that equals `count` modulo `modulus`.

    Of two that are equally near the lower is returned: a counter half its range
    ahead counts as behind.

    Parameters
    ----------
    count : int
        As read from a packet.
    near : int
        What an uninterrupted counter would read.
    modulus : int
        The counter restarts at 0 after ``modulus - 1``.

    Examples
    --------
    >>> unwrap(2, near=255, modulus=256)
    258
    """
    half = modulus // 2
    return near + (count - near + half) % modulus - half
