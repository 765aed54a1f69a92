"""Channels to derivations: weighted differences such as ``(AF7+AF8)/2-TP9``."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gateway.acquisition.montage import Montage
from gateway.errors import ConfigError

TERM = re.compile(
    r"(?P<sign>[+-]?)\s*"
    r"(?:\((?P<group>[^()]*)\)|(?P<quoted>'[^']+')|(?P<site>[A-Za-z][\w. ]*?))\s*"
    r"(?:/\s*(?P<divisor>\d+))?\s*(?=[+-]|$)"
)


@dataclass(frozen=True, slots=True)
class Derivation:
    """One input of the model, made of a headband's channels.

    Attributes
    ----------
    label : str
        The model's name for it, e.g. ``"EEG Fpz-Cz"``.
    weights : tuple of (str, float)
        Channel label and weight.
    """

    label: str
    weights: tuple[tuple[str, float], ...]


def parse_derivation(label: str, text: str, channels: frozenset[str]) -> Derivation:
    """Read ``"AF7-AF8"`` or ``"(AF7+AF8)/2-(TP9+TP10)/2"``.

    A text that is itself a channel's label means that channel, hyphens and all.

    Raises
    ------
    ConfigError
        If the text is no such sum or names a channel that is not in `channels`.
    """
    if text in channels:
        return Derivation(label, ((text, 1.0),))
    weights = _sum(label, text.strip(), 1.0)
    if missing := sorted({site for site, _ in weights} - channels):
        there = ", ".join(sorted(channels))
        problem = f"channels.{label}: no channel {missing[0]!r} in {text!r}"
        raise ConfigError([f"{problem}; the headband has {there}"])
    return Derivation(label, tuple(weights))


def _sum(label: str, text: str, weight: float) -> list[tuple[str, float]]:
    weights: list[tuple[str, float]] = []
    at = 0
    while at < len(text):
        term = TERM.match(text, at)
        if term is None or (at > 0 and not term["sign"]):
            raise ConfigError(
                [f"channels.{label}: cannot read {text!r}; write it like 'AF7-TP9'"]
            )
        signed = -weight if term["sign"] == "-" else weight
        signed /= int(term["divisor"] or 1)
        if term["group"] is not None:
            weights += _sum(label, term["group"].strip(), signed)
        else:
            weights.append(((term["site"] or term["quoted"].strip("'")), signed))
        at = term.end()
    return weights


@dataclass(frozen=True, slots=True, eq=False)
class Montager:
    """Derivations resolved against what a headband records.

    Attributes
    ----------
    labels : tuple of str
        One per derivation wanted, in the model's order.
    streams : tuple of int
        Stream of each derivation; -1 where the headband cannot give it.
    weights : tuple of ndarray of float32, shape (n_channels,)
        Row of each derivation over its stream's channels; empty where absent.
    """

    labels: tuple[str, ...]
    streams: tuple[int, ...]
    weights: tuple[NDArray[np.float32], ...]


def resolve(
    labels: tuple[str, ...], texts: Mapping[str, str], montage: Montage
) -> Montager:
    """Find each of the model's inputs among the headband's channels.

    Parameters
    ----------
    labels : tuple of str
        The model's inputs, in order.
    texts : mapping of str to str
        Derivation of each, as written in the configuration. An input that is not
        in `texts` is looked for by its own label, whole or without its modality
        (``"EEG Fpz-Cz"`` is also ``"Fpz-Cz"``), and is absent if not found.
    montage : Montage
        What the headband records.

    Raises
    ------
    ConfigError
        Listing all derivations that cannot be made; one needs all its channels
        in one stream, because streams are sampled apart.
    """
    where = {
        channel.label: (i, j)
        for i, stream in enumerate(montage.streams)
        for j, channel in enumerate(stream.channels)
    }
    streams, rows, problems = [], [], []
    for label in labels:
        text = texts.get(label) or _own_label(label, where)
        try:
            stream, row = _place(label, text, where, montage) if text else _ABSENT
        except ConfigError as error:
            problems += error.problems
            continue
        streams.append(stream)
        rows.append(row)
    if problems:
        raise ConfigError(problems)
    return Montager(labels, tuple(streams), tuple(rows))


_ABSENT = (-1, np.zeros(0, np.float32))


def _own_label(label: str, where: Mapping[str, tuple[int, int]]) -> str | None:
    for name in (label, label.partition(" ")[2]):
        if name in where:
            return name
    return None


def _place(
    label: str, text: str, where: Mapping[str, tuple[int, int]], montage: Montage
) -> tuple[int, NDArray[np.float32]]:
    derivation = parse_derivation(label, text, frozenset(where))
    streams = {where[site][0] for site, _ in derivation.weights}
    if len(streams) != 1:
        raise ConfigError(
            [f"channels.{label}: {text!r} mixes channels of different sampling rates"]
        )
    stream = streams.pop()
    row = np.zeros(len(montage.streams[stream].channels), np.float32)
    for site, weight in derivation.weights:
        row[where[site][1]] += weight
    return stream, row
