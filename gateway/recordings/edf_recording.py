"""Recordings in EDF, EDF+, BDF and BDF+ files: which channels, in which unit."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gateway.acquisition.montage import Channel, Modality, Montage, Stream
from gateway.edf.file_reader import EdfFile, EdfSignal, read_edf
from gateway.edf.session_reader import SessionFields, read_session_fields
from gateway.errors import RecordingError
from gateway.recordings.channel_labels import (
    find_difference,
    find_label,
    guessed_modality,
    microvolts,
    modality_of,
    site_of,
)
from gateway.recordings.edf_night import ChannelSource, EdfNight
from gateway.recordings.recording import Recording

LABEL_LENGTH = 8  # what the wire format of the open headband carries


class _BoundChannel(NamedTuple):
    channel: Channel
    source: ChannelSource


@dataclass(slots=True)
class _BoundChannels:
    """Channels taken so far, and what they make.

    Attributes
    ----------
    taken : list of _BoundChannel
    derivations : dict of str to tuple of str
        What an input of the model is made of, where it is no channel of the file.
    left_out : list of str
        Signals that were not taken, and why.
    """

    taken: list[_BoundChannel] = field(default_factory=list)
    derivations: dict[str, tuple[str, ...]] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)


def open_edf(
    path: Path, channels: Mapping[str, str] | None = None, unit: str | None = None
) -> EdfNight:
    """Open a recording, to be read as it is scored; nothing of it is kept in memory.

    Parameters
    ----------
    path : Path
        EDF, EDF+ with or without interruptions, or BDF.
    channels : mapping of str to str or None
        The file's label of each channel wanted, by our own label that begins with
        its modality, e.g. ``{"EEG Fpz-Cz": "FpzCz-ref"}``; or the difference of two
        channels, e.g. ``"Fp1-A2"`` where they are recorded against a common
        reference. Case and separators of labels do not matter. None takes every
        signal whose label begins with its modality, as in the standard texts of
        EDF+; where none does, those of a known electrode. Of signals that share a
        label, the second is ``"LABEL #2"``.
    unit : str or None
        Unit of channels where the file says none, e.g. ``"uV"``.

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
    """
    edf = read_edf(path)
    if channels is None and (
        session := read_session_fields(edf.header, edf.annotations)
    ):
        return _ours(edf, session)
    if not edf.records.n_records and edf.signals:
        raise RecordingError(f"{path}: is empty, without data records; record again")
    pieces = _chosen(edf, channels, unit) if channels is not None else _all(edf, unit)
    return _assembled(edf, pieces)


def _assembled(edf: EdfFile, pieces: _BoundChannels) -> EdfNight:
    """Return the night of `pieces`, a stream for every rate."""
    by_rate: dict[float, list[_BoundChannel]] = {}
    for piece in pieces.taken:
        by_rate.setdefault(piece.source.signal.sfreq, []).append(piece)
    streams = tuple(
        Stream(rate, tuple(piece.channel for piece in group))
        for rate, group in by_rate.items()
    )
    return EdfNight(
        name=edf.path.stem,
        montage=Montage(streams),
        start_utc=edf.start_utc,
        edf=edf,
        sources=tuple(tuple(p.source for p in group) for group in by_rate.values()),
        derivations=pieces.derivations,
        left_out=tuple(pieces.left_out),
    )


def _ours(edf: EdfFile, session: SessionFields) -> EdfNight:
    by_number = {signal.number: signal for signal in edf.signals}
    return EdfNight(
        name=edf.path.stem,
        montage=session.montage,
        start_utc=session.start_utc or edf.start_utc,
        edf=edf,
        sources=tuple(
            tuple(ChannelSource(by_number[n], inverted=False) for n in numbers)
            for numbers in session.signals
        ),
        derivations=session.derivations,
        session=session,
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
    """
    return open_edf(path, channels).load()


def _all(edf: EdfFile, unit: str | None) -> _BoundChannels:
    """Take every signal of a known modality; leave out, and name, what is odd."""
    pieces = _BoundChannels()
    wanted = [(s, modality_of(s.label)) for s in edf.signals]
    if not any(modality for _, modality in wanted):
        wanted = [(s, guessed_modality(s.label)) for s in edf.signals]
    for signal, modality in wanted:
        if modality is None:
            if signal.flaw:
                pieces.left_out.append(
                    f"channel {signal.label!r} left out: {signal.flaw}"
                )
            continue
        try:
            _take(edf, pieces, signal.label, modality, signal, unit)
        except RecordingError as error:
            why = str(error).removeprefix(f"{edf.path}: ")
            pieces.left_out.append(f"{why}; left out")
    if pieces.taken:
        return pieces
    odd = "".join(f"\n{note}" for note in pieces.left_out)
    if any(modality for _, modality in wanted):
        raise RecordingError(f"{edf.path}: no channel of use{odd}")
    raise RecordingError(
        f"{edf.path}: no label begins with EEG, EOG, EMG or ECG; it has "
        f"{_listed(edf)}; name the channels to use, like "
        f"--channel 'EEG Fpz-Cz={_example(edf)}'{odd}"
    )


def _chosen(
    edf: EdfFile, channels: Mapping[str, str], unit: str | None
) -> _BoundChannels:
    there = {signal.label: signal for signal in edf.signals}
    nameless = [ours for ours in channels if not modality_of(ours)]
    if nameless or not channels:
        raise RecordingError(
            f"{edf.path}: channel {', '.join(nameless) or 'list is empty'}: begin its "
            "name with EEG, EOG, EMG or ECG, like --channel 'EEG Fpz-Cz=LABEL'"
        )
    pieces = _BoundChannels()
    for ours, theirs in channels.items():
        modality = modality_of(ours)
        assert modality is not None  # noqa: S101 (the nameless are refused above)
        if label := find_label(theirs, there):
            _take(edf, pieces, ours, modality, there[label], unit)
            continue
        pair = find_difference(theirs, list(there))
        if pair is None and (label := find_label(ours, there)):
            # in an archive some files have the channel itself that others must make
            _take(edf, pieces, ours, modality, there[label], unit)
            pieces.left_out.append(f"no channel {theirs!r}; its own {label!r} is used")
            continue
        if pair is None:
            raise RecordingError(
                f"{edf.path}: no channel {theirs!r}; it has {_listed(edf)}; choose "
                f"one, or the difference of two, like --channel "
                f"'{ours}={_example(edf)}'"
            )
        known = {p.source.signal.label: p.channel.label for p in pieces.taken}
        made_of = [
            known.get(label) or _take(edf, pieces, label, modality, there[label], unit)
            for label in pair
        ]
        pieces.derivations[ours] = (" - ".join(f"'{name}'" for name in made_of),)
    return pieces


def _listed(edf: EdfFile) -> str:
    return ", ".join(repr(signal.label) for signal in edf.signals) or "no signals"


def _example(edf: EdfFile) -> str:
    return edf.signals[0].label if edf.signals else "LABEL"


def _take(  # noqa: PLR0913, PLR0917 (one per property of a channel)
    edf: EdfFile,
    pieces: _BoundChannels,
    ours: str,
    modality: Modality,
    signal: EdfSignal,
    unit: str | None,
) -> str:
    """Add a channel to `pieces`; return the name it has there."""
    site = site_of(ours)
    short = 0 < len(site) <= LABEL_LENGTH and site.isascii()
    taken = {piece.channel.label for piece in pieces.taken}
    name = _free(site if short else modality.value, taken)
    channel = _calibrated(edf, name, modality, signal, unit)
    inverted = signal.physical_max < signal.physical_min
    pieces.taken.append(_BoundChannel(channel, ChannelSource(signal, inverted)))
    return name


def _free(label: str, taken: set[str]) -> str:
    names = [label, *(f"{label[:6]} {n}" for n in range(2, 10))]
    return next((name for name in names if name not in taken), label)


def _calibrated(
    edf: EdfFile, name: str, modality: Modality, signal: EdfSignal, unit: str | None
) -> Channel:
    where = f"{edf.path}: channel {signal.label!r}"
    if signal.flaw:
        raise RecordingError(f"{where}: {signal.flaw}")
    in_uv = microvolts(signal.dimension)
    if in_uv is None and unit is not None:
        in_uv = microvolts(unit)
    if in_uv is None:
        raise RecordingError(
            f"{where} is in {signal.dimension!r}, which is no voltage; if you know its "
            "unit, say it with --unit, like --unit uV"
        )
    low, high = signal.digital_min, signal.digital_max
    bits = 8 * edf.records.sample_bytes
    if not -(2 ** (bits - 1)) <= low < high < 2 ** (bits - 1):
        raise RecordingError(f"{where} has the digital range {low} to {high}")
    span_uv = (signal.physical_max - signal.physical_min) * in_uv
    volts = float(np.float32(span_uv / (high - low) * 1e-6))
    slope = (signal.physical_max - signal.physical_min) / (high - low)
    if not isfinite(volts) or not volts or not slope:
        raise RecordingError(
            f"{where} has the physical range {signal.physical_min:g} to "
            f"{signal.physical_max:g} {signal.dimension}"
        )
    zero = low - signal.physical_min / slope
    if not abs(zero) < 2**31 - 1:
        raise RecordingError(f"{where} has its zero at count {zero:g}")
    zero, lsb_uv = round(zero), volts * 1e6
    if volts < 0:  # not n: -1 - n maps the range of int16 to itself
        zero, lsb_uv, low, high = ~zero, -lsb_uv, ~high, ~low
    return Channel(name, modality, lsb_uv, zero, low, high)
