"""Recordings in EDF, EDF+ and BDF files: which channels, in which unit."""

from collections.abc import Mapping
from math import isfinite
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gateway.acquisition.montage import Channel, Modality, Montage, Stream
from gateway.edf.file_reader import EdfFile, EdfSignal, read_edf
from gateway.edf.own_fields import OwnFields, own_words
from gateway.errors import RecordingError
from gateway.recordings.edf_night import ChannelSource, EdfNight
from gateway.recordings.recording import Recording

IN_UV = {"nV": 1e-3, "uV": 1.0, "\u00b5V": 1.0, "mV": 1e3, "V": 1e6}
MODALITIES = {
    m.value: m for m in (Modality.EEG, Modality.EOG, Modality.EMG, Modality.ECG)
}
LABEL_LENGTH = 8  # what the wire format of the open headband carries


class _BoundChannel(NamedTuple):
    channel: Channel
    source: ChannelSource


def open_edf(path: Path, channels: Mapping[str, str] | None = None) -> EdfNight:
    """Open a recording, to be read as it is scored; nothing of it is kept in memory.

    Parameters
    ----------
    path : Path
        EDF, EDF+ with or without interruptions, or BDF.
    channels : mapping of str to str or None
        The file's label of each channel wanted, by our own label that begins with
        its modality, e.g. ``{"EEG Fpz-Cz": "FpzCz-ref"}``. None takes every signal
        whose label begins so, as in the standard texts of EDF+. Of signals that
        share a label, the second is ``"LABEL #2"``.

    Returns
    -------
    EdfNight
        Channels are named by their site, ``"Fpz-Cz"``, or by their modality alone,
        ``"EOG"`` for ``"EOG horizontal"``, where that is no 8 ASCII characters.
        `Channel.lsb_uv` is exact in float32 volts. An inverted signal, physical
        minimum above its maximum, is turned the right way up. What we recorded
        ourselves comes back as it was, unless `channels` says otherwise.

    Raises
    ------
    RecordingError
        If the file cannot be read, lacks a channel or has no usable one.
    MissingExtraError
        If edfio is not installed.
    """
    edf = read_edf(path)
    if channels is None and (own := own_words(edf.header, edf.annotations)):
        return _ours(edf, own)
    pieces: list[_BoundChannel] = []
    for ours, signal in _wanted(edf, channels):
        taken = {piece.channel.label for piece in pieces}
        pieces.append(_piece(edf, ours, signal, taken))
    rates = list(dict.fromkeys(piece.source.signal.sfreq for piece in pieces))
    groups = [[p for p in pieces if p.source.signal.sfreq == rate] for rate in rates]
    streams = tuple(
        Stream(rate, tuple(piece.channel for piece in group))
        for rate, group in zip(rates, groups, strict=True)
    )
    return EdfNight(
        name=path.stem,
        montage=Montage(streams),
        start_utc=edf.start_utc,
        edf=edf,
        sources=tuple(tuple(piece.source for piece in group) for group in groups),
    )


def _ours(edf: EdfFile, own: OwnFields) -> EdfNight:
    by_number = {signal.number: signal for signal in edf.signals}
    return EdfNight(
        name=edf.path.stem,
        montage=own.montage,
        start_utc=own.start_utc or edf.start_utc,
        edf=edf,
        sources=tuple(
            tuple(ChannelSource(by_number[n], inverted=False) for n in numbers)
            for numbers in own.signals
        ),
        own=own,
    )


def read_recording(path: Path, channels: Mapping[str, str] | None = None) -> Recording:
    """Read a whole recording into memory, as a headband would have to play it.

    Parameters
    ----------
    path, channels
        As for `open_edf`.

    Raises
    ------
    RecordingError
        As `open_edf`, and if the recording has interruptions.
    MissingExtraError
        If edfio is not installed.
    """
    return open_edf(path, channels).load()


def _wanted(
    edf: EdfFile, channels: Mapping[str, str] | None
) -> list[tuple[str, EdfSignal]]:
    there = {signal.label: signal for signal in edf.signals}
    listed = ", ".join(map(repr, there)) or "no signals"
    if channels is None:
        usable = [(s.label, s) for s in edf.signals if _modality(s.label)]
        if not usable:
            raise RecordingError(
                f"{edf.path}: no label begins with EEG, EOG, EMG or ECG; name the "
                f"channels to use; it has {listed}"
            )
        return usable
    absent = [theirs for theirs in channels.values() if theirs not in there]
    if absent:
        raise RecordingError(f"{edf.path}: no channel {absent[0]!r}; it has {listed}")
    nameless = [ours for ours in channels if not _modality(ours)]
    if nameless or not channels:
        raise RecordingError(
            f"{edf.path}: channel {', '.join(nameless) or 'list is empty'}: begin its "
            "name with EEG, EOG, EMG or ECG, like 'EEG Fpz-Cz'"
        )
    return [(ours, there[theirs]) for ours, theirs in channels.items()]


def _modality(label: str) -> Modality | None:
    return MODALITIES.get(label.partition(" ")[0].upper())


def _piece(
    edf: EdfFile, ours: str, signal: EdfSignal, taken: set[str]
) -> _BoundChannel:
    word, _, site = ours.partition(" ")
    site = site.strip()
    short = 0 < len(site) <= LABEL_LENGTH and site.isascii()
    label = _free(site if short else word, taken)
    where = f"{edf.path}: channel {signal.label!r}"
    if not edf.records.n_records:
        raise RecordingError(f"{where} is empty; record again")
    bits = 8 * edf.records.sample_bytes
    channel = _calibrated(where, label, MODALITIES[word.upper()], signal, bits)
    inverted = signal.physical_max < signal.physical_min
    return _BoundChannel(channel, ChannelSource(signal, inverted))


def _free(label: str, taken: set[str]) -> str:
    names = [label, *(f"{label[:6]} {n}" for n in range(2, 10))]
    return next((name for name in names if name not in taken), label)


def _calibrated(
    where: str, label: str, modality: Modality, signal: EdfSignal, bits: int
) -> Channel:
    if signal.dimension not in IN_UV:
        raise RecordingError(
            f"{where} is in {signal.dimension!r}, not in one of nV, uV, mV, V; "
            "leave it out"
        )
    low, high = signal.digital_min, signal.digital_max
    if not -(2 ** (bits - 1)) <= low < high < 2 ** (bits - 1):
        raise RecordingError(
            f"{where} has the digital range {low} to {high}; export it again"
        )
    span_uv = (signal.physical_max - signal.physical_min) * IN_UV[signal.dimension]
    volts = float(np.float32(span_uv / (high - low) * 1e-6))
    if not isfinite(volts) or not volts:
        raise RecordingError(
            f"{where} has the physical range {signal.physical_min:g} to "
            f"{signal.physical_max:g} {signal.dimension}; export it again"
        )
    slope = (signal.physical_max - signal.physical_min) / (high - low)
    zero = low - signal.physical_min / slope
    if abs(zero) >= 2**31 - 1:
        raise RecordingError(f"{where} has its zero at count {zero:g}; export it again")
    zero, lsb_uv = round(zero), volts * 1e6
    if volts < 0:  # not n: -1 - n maps the range of int16 to itself
        zero, lsb_uv, low, high = ~zero, -lsb_uv, ~high, ~low
    return Channel(label, modality, lsb_uv, zero, low, high)
