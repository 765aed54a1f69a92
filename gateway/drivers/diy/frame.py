"""DATA: the frames of samples of the open profile."""

import binascii
import struct

import numpy as np
from numpy.typing import NDArray

from gateway.acquisition.packets import SamplePacket
from gateway.drivers.diy.info import MAJOR, DiyInfo, sample_bytes
from gateway.errors import DecodeError

LOST_BEFORE, LEAD_OFF, CRC = 1, 2, 4
LEAD_OFF_BYTES = CRC_BYTES = 2
HEADER = struct.Struct("<BBBBII")
MAX_SAMPLES = 255


def encode(info: DiyInfo, packet: SamplePacket, *, crc: bool = False) -> bytes:
    """Return the DATA frame of `packet`; the inverse of `decode`.

    Raises
    ------
    ValueError
        If a count does not fit the stream's sample format.
    """
    width = sample_bytes(info.montage.streams[packet.stream])
    samples = packet.counts.T.astype("<i4")
    rail = 1 << 8 * width - 1
    if samples.size and not -rail <= samples.min() <= samples.max() < rail:
        raise ValueError(f"counts {samples.min()}..{samples.max()} in {width} bytes")
    frame = HEADER.pack(
        MAJOR << 4 | (CRC if crc else 0),
        info.stream_ids[packet.stream],
        len(samples),
        info.config_id & 0xFF,
        packet.index,
        packet.ticks or 0,
    )
    frame += samples.reshape(-1, 1).view(np.uint8)[:, :width].tobytes()
    return frame + binascii.crc_hqx(frame, 0xFFFF).to_bytes(2, "little") * crc


def decode(info: DiyInfo, payload: bytes, t_rx: float) -> SamplePacket:
    """Read one DATA frame that arrived at `t_rx`.

    Raises
    ------
    DecodeError
        On bytes that are no frame of this headband in this configuration.
    """
    if len(payload) < HEADER.size:
        raise DecodeError("shorter than a header", payload)
    first, wire_id, n_samples, config, index, ticks = HEADER.unpack_from(payload)
    flags = first & 0xF
    if first >> 4 != MAJOR or flags >= CRC << 1:
        raise DecodeError(f"version {first >> 4} with flags {flags}", payload)
    if config != info.config_id & 0xFF:
        raise DecodeError(f"configuration {config}, not that of INFO", payload)
    if wire_id not in info.stream_ids:
        raise DecodeError(f"unknown stream {wire_id}", payload)
    if flags & CRC and binascii.crc_hqx(payload[:-2], 0xFFFF) != int.from_bytes(
        payload[-2:], "little"
    ):
        raise DecodeError("CRC does not match", payload)
    position = info.stream_ids.index(wire_id)
    stream = info.montage.streams[position]
    width, n_channels = sample_bytes(stream), len(stream.channels)
    tail = LEAD_OFF_BYTES * bool(flags & LEAD_OFF) + CRC_BYTES * bool(flags & CRC)
    if (
        not n_samples
        or len(payload) - HEADER.size - tail != n_samples * n_channels * width
    ):
        raise DecodeError(f"{n_samples} samples of {n_channels} channels", payload)
    counts = _integers(payload[HEADER.size : len(payload) - tail], width)
    counts = counts.reshape(n_samples, n_channels).T
    return SamplePacket(position, index, counts, t_rx, ticks if info.tick_hz else None)


def _integers(raw: bytes, width: int) -> NDArray[np.int32]:
    padded = np.zeros((len(raw) // width, 4), np.uint8)
    padded[:, 4 - width :] = np.frombuffer(raw, np.uint8).reshape(-1, width)
    signed = padded.view("<i4")[:, 0] >> 8 * (4 - width)  # carries the sign down
    return signed.astype(np.int32)
