"""One connection to a headband as a string of bytes, and what must hold in it."""

from functools import cache
from itertools import chain, repeat
from typing import NamedTuple, get_args

import numpy as np

from gateway import drivers
from gateway.acquisition.packets import (
    Battery,
    Decoded,
    Motion,
    Notification,
    SamplePacket,
)
from gateway.errors import DecodeError, LinkError
from tests.drivers.examples import example_of, shake

GAPS_S = (0.0, 0.01, 0.03, 0.05, 0.2, 0.5, 1.0, 3.0, 60.0, 40_000.0, -0.5)
ANSWERS = 0x80  # the first steps answer the handshake


class Step(NamedTuple):
    """A payload that arrives, `gap` on from the last, on the driver's `char`-th."""

    char: int
    gap: int
    payload: bytes


def write(steps, *, answers=False):
    """Return `steps` as bytes; the inverse of `read`."""
    parts = [bytes([ANSWERS if answers else 0])]
    for char, gap, payload in steps:
        head = bytes([char, gap]) + len(payload).to_bytes(2, "little")
        parts += [head, payload]
    return b"".join(parts)


def read(data):
    """Return whether answers come first, and the steps; any bytes are a session."""
    steps, at = [], 1
    while at + 4 <= len(data):
        n = int.from_bytes(data[at + 2 : at + 4], "little")
        steps.append(Step(data[at], data[at + 1], data[at + 4 : at + 4 + n]))
        at += 4 + n
    return bool(data[:1]) and data[0] >= ANSWERS, steps


@cache
def example(name):
    """Return what the example session's handshake says, and what then arrives."""
    answer, notifications = example_of(name)
    return shake(drivers.load(name), answer), notifications


def run(driver, data):
    """Play a session; return how many values came of it.

    Any exception is a finding: a `DecodeError` is caught where it is allowed.
    """
    answered, steps = read(data)
    steps = iter(steps)
    if answered:
        replies = chain((step.payload for step in steps), repeat(b""))
        try:
            info = shake(driver, lambda _: next(replies))
        except (DecodeError, LinkError):
            return 0
    else:
        info, _ = example(driver.name)
    check_info(info)
    decoder, t, n_values = driver.decoder(info), 0.0, 0
    chars = [*driver.notify, *driver.also_notify, driver.service]
    for char, gap, payload in steps:
        t += GAPS_S[gap % len(GAPS_S)]
        notification = Notification(chars[char % len(chars)], payload, t)
        try:
            values = list(decoder.feed(notification))
        except DecodeError as error:
            assert error.payload == payload
            continue
        for value in values:
            check(value, info, t)
        n_values += len(values)
    return n_values


def check_info(info):
    """Assert that what a handshake returned can be worked with."""
    assert info.montage.streams
    for stream in info.montage.streams:
        assert 0 < stream.sfreq < 1e7
        assert stream.channels
        zeros = np.zeros((len(stream.channels), 1), np.int32)
        assert np.isfinite(stream.to_microvolts(zeros)).all()


def check(value, info, t_rx):
    """Assert that a decoded value can be worked with."""
    assert isinstance(value, get_args(Decoded))
    if isinstance(value, SamplePacket):
        stream = info.montage.streams[value.stream]
        assert value.counts.dtype == np.int32
        assert value.counts.shape[0] == len(stream.channels)
        assert 0 < value.counts.shape[1] < 1024
        assert 0 <= value.index < stream.index_modulus
        assert value.t_rx <= t_rx
    elif isinstance(value, Battery):
        assert 0 <= value.percent <= 100
    elif isinstance(value, Motion):
        assert value.acc_g.shape[0] == value.gyro_dps.shape[0] == 3
        assert np.isfinite(value.acc_g).all()
        assert np.isfinite(value.gyro_dps).all()
