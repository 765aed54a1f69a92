"""INFO: what a headband of the open profile says of itself."""

import math
import struct
from dataclasses import dataclass
from itertools import takewhile

import numpy as np

from gateway.acquisition.montage import (
    Channel,
    HeadbandInfo,
    Modality,
    Montage,
    Stream,
    rate_problem,
)
from gateway.errors import DecodeError

MAJOR, MINOR = 1, 0
INFO_BYTES = 512  # the longest value of an attribute
LABEL_BYTES = 8
MAX_STREAM_ID = 31  # START has one bit for each
EXG = 1
MODALITY = dict(enumerate(Modality, start=1))
ROLE = {modality: role for role, modality in MODALITY.items()}

_INFO = struct.Struct("<BBHIIIB")
_STREAM = struct.Struct("<BBBBIB")
_CHANNEL = struct.Struct(f"<Bfi{LABEL_BYTES}s")


@dataclass(frozen=True, slots=True)
class DiyInfo(HeadbandInfo):
    """Contents of the characteristic INFO.

    Attributes
    ----------
    config_id : int
        Its low byte stands in every DATA frame.
    stream_ids : tuple of int
        Of `Montage.streams`, on the wire.
    """

    config_id: int = 0
    stream_ids: tuple[int, ...] = ()


def sample_bytes(stream: Stream) -> int:
    """Return the width of a sample of one channel: 2 or 3 bytes.

    Raises
    ------
    ValueError
        If a channel's rails need more than 24 bits.
    """
    for width in (2, 3):
        rail = 1 << 8 * width - 1
        if all(
            -rail <= c.digital_min and c.digital_max < rail for c in stream.channels
        ):
            return width
    raise ValueError(f"{[c.label for c in stream.channels]}: more than 24 bits")


def encode_info(info: DiyInfo, samples_per_frame: tuple[int, ...]) -> bytes:
    """Return the value of INFO; the inverse of `decode_info`.

    Rails are not carried: a decoder takes those of the sample format.

    Raises
    ------
    ValueError
        If `info` holds what the profile cannot carry; says what.
    """
    parts = []
    streams = zip(info.stream_ids, info.montage.streams, samples_per_frame, strict=True)
    for wire_id, stream, samples in streams:
        millihertz = round(stream.sfreq * 1000)
        if millihertz / 1000 != stream.sfreq:
            raise ValueError(f"{stream.sfreq} Hz is no whole number of millihertz")
        width, n_channels = sample_bytes(stream), len(stream.channels)
        head = (wire_id, EXG, n_channels, width - 1, millihertz, samples)
        parts += [_STREAM.pack(*head), *map(_encode_channel, stream.channels)]
    body = b"".join(parts)
    length = _INFO.size + len(body)
    if length > INFO_BYTES:
        raise ValueError(
            f"INFO of {length} bytes, more than {INFO_BYTES}: too many channels"
        )
    ids = (info.config_id, int(info.tick_hz or 0), info.boot_id or 0)
    return _INFO.pack(MAJOR, MINOR, length, *ids, len(info.stream_ids)) + body


def _encode_channel(channel: Channel) -> bytes:
    label = channel.label.encode("ascii", errors="replace")
    if (
        label.decode() != channel.label
        or not 0 < len(label) <= LABEL_BYTES
        or b"\0" in label
    ):
        raise ValueError(f"label {channel.label!r} is not 1 to 8 ASCII characters")
    volts = channel.lsb_uv * 1e-6
    if not 0 < abs(volts) < 1 or not -(2**31) <= channel.zero < 2**31:
        raise ValueError(f"{channel.label}: {volts} V per count, zero {channel.zero}")
    role = ROLE[channel.modality]
    return _CHANNEL.pack(role, np.float32(volts), channel.zero, label)


def decode_info(value: bytes) -> DiyInfo:
    """Read the value of INFO.

    Raises
    ------
    DecodeError
        On any value that is not exactly one INFO of major version 1.
    """
    try:
        major, _, length, config_id, tick_hz, boot_id, n_streams = _INFO.unpack_from(
            value
        )
        if major != MAJOR:
            raise DecodeError(f"OSB version {major}, this driver speaks {MAJOR}", value)
        if length != len(value):
            raise DecodeError(f"INFO says it has {length} bytes", value)
        rows, at = [], _INFO.size
        for _ in range(n_streams):
            wire_id, kind, n_channels, form, millihertz, _ = _STREAM.unpack_from(
                value, at
            )
            end = at + _STREAM.size + n_channels * _CHANNEL.size
            if kind == EXG:
                stream = _stream(value, at + _STREAM.size, end, form, millihertz)
                rows.append((wire_id, stream))
            at = end
    except struct.error as error:
        raise DecodeError(f"INFO ends too early ({error})", value) from error
    ids = tuple(wire_id for wire_id, _ in rows)
    if at != length or not ids or len(set(ids)) < len(ids) or max(ids) > MAX_STREAM_ID:
        raise DecodeError(f"INFO of {length} bytes with ExG streams {ids}", value)
    montage = Montage(tuple(stream for _, stream in rows))
    if (problem := rate_problem(montage)) is not None:
        raise DecodeError(problem, value)
    clock = float(tick_hz) or None
    return DiyInfo(montage, clock, boot_id, config_id=config_id, stream_ids=ids)


def _stream(value: bytes, at: int, end: int, form: int, millihertz: int) -> Stream:
    if form not in (1, 2) or not millihertz or at == end:
        raise DecodeError(f"format {form}, {millihertz} mHz, {end - at} bytes", value)
    rail = 1 << 8 * form + 7
    channels = [
        _channel(value, _CHANNEL.unpack_from(value, offset), rail)
        for offset in range(at, end, _CHANNEL.size)
    ]
    return Stream(millihertz / 1000, tuple(channels))


def _channel(value: bytes, fields: tuple[int, float, int, bytes], rail: int) -> Channel:
    role, volts, zero, raw = fields
    label = bytes(takewhile(bool, raw))
    if (
        role not in MODALITY
        or not label
        or not label.isascii()
        or any(raw[len(label) :])
    ):
        raise DecodeError(f"role {role}, label {raw!r}", value)
    if not math.isfinite(volts) or not 0 < abs(volts) < 1:
        raise DecodeError(f"{volts} V per count", value)
    return Channel(label.decode(), MODALITY[role], volts * 1e6, zero, -rail, rail - 1)
