"""Channels to derivations: weighted differences such as ``(AF7+AF8)/2-TP9``."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import isclose
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from gateway.acquisition.montage import Modality, Montage
from gateway.errors import ConfigError

TERM = re.compile(
    r"(?P<sign>[+-]?)\s*"
    r"(?:\((?P<group>[^()]*)\)|(?P<quoted>'[^']+')|(?P<site>[A-Za-z][\w. ]*?))\s*"
    r"(?:/\s*(?P<divisor>[1-9][0-9]{0,2}))?\s*(?=[+-]|$)"
)
SINGLE = {m.value: m for m in (Modality.EOG, Modality.EMG, Modality.ECG)}


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
        If the text is no such sum, cancels out, or names channels that are not in
        `channels`; lists all of those.
    """
    if text in channels:
        return Derivation(label, ((text, 1.0),))
    terms = _sum(label, text, 1.0)
    if missing := sorted({site for site, _ in terms} - channels):
        there = ", ".join(sorted(channels))
        absent = ", ".join(map(repr, missing))
        problem = f"channels.{label}: no channel {absent} in {text!r}"
        raise ConfigError([f"{problem}; the headband has {there}"])
    weights = {site: 0.0 for site, _ in terms}
    for site, weight in terms:
        weights[site] += weight
    if all(isclose(weight, 0, abs_tol=1e-6) for weight in weights.values()):
        raise ConfigError([f"channels.{label}: {text!r} comes to nothing"])
    return Derivation(label, tuple(weights.items()))


def _sum(label: str, text: str, weight: float) -> list[tuple[str, float]]:
    weights: list[tuple[str, float]] = []
    text, at = text.strip(), 0
    while at < len(text) or not text:
        term = TERM.match(text, at)
        if term is None or (at > 0 and not term["sign"]):
            raise ConfigError(
                [f"channels.{label}: cannot read {text!r}; write it like 'AF7-TP9'"]
            )
        signed = -weight if term["sign"] == "-" else weight
        signed /= int(term["divisor"] or 1)
        if term["group"] is not None:
            weights += _sum(label, term["group"], signed)
        else:
            weights.append(((term["site"] or term["quoted"].strip("'")), signed))
        at = term.end()
    return weights


@dataclass(frozen=True, slots=True, eq=False)
class PlacedDerivation:
    """A derivation found among what a headband records.

    Attributes
    ----------
    text : str
        As it was written, e.g. ``"AF7-TP9"``.
    stream : int
        Position in `Montage.streams`.
    weights : ndarray of float32, shape (n_channels,)
        Over the stream's channels.
    """

    text: str
    stream: int
    weights: NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class DerivationPicker:
    """The model's inputs resolved against what a headband records.

    Attributes
    ----------
    labels : tuple of str
        The inputs, in the model's order.
    alternatives : tuple of tuple of PlacedDerivation
        For each input its derivations, the best first; none where the headband
        cannot give it.
    """

    labels: tuple[str, ...]
    alternatives: tuple[tuple[PlacedDerivation, ...], ...]

    def texts(self) -> dict[str, tuple[str, ...]]:
        """Return each input's derivations as they are written."""
        made_of = zip(self.labels, self.alternatives, strict=True)
        return {label: tuple(p.text for p in placed) for label, placed in made_of}


def resolve(
    labels: tuple[str, ...],
    texts: Mapping[str, str],
    montage: Montage,
    offered: Mapping[str, tuple[str, ...]] = MappingProxyType({}),
) -> DerivationPicker:
    """Find each of the model's inputs among the headband's channels.

    Parameters
    ----------
    labels : tuple of str
        The model's inputs, in order.
    texts : mapping of str to str
        Derivation of each, as written in the configuration. An input that is not
        in `texts` is made by what is `offered`; failing that it is looked for by its
        own label, whole or without its modality (``"EEG Fpz-Cz"`` is also
        ``"Fpz-Cz"``). If there is none, an EOG, EMG or ECG input (``"EOG
        horizontal"``) is the headband's only channel of that modality, provided it
        has just one and the model asks for just one; never an EEG input, because
        where an EEG is taken matters. Else it is absent.
    montage : Montage
        What the headband records.
    offered : mapping of str to tuple of str
        What the driver knows to make of its electrodes, the best first. Derivations
        of channels that this headband does not have fall away.

    Raises
    ------
    ConfigError
        Listing all `texts` of inputs that the model does not have, and all
        derivations that cannot be made; one needs all its channels in one stream,
        because streams are sampled apart.
    """
    where = _where(montage)
    found: list[tuple[PlacedDerivation, ...]] = []
    problems = [
        f"channels.{label}: no input of the model; it has {', '.join(labels)}"
        for label in texts
        if label not in labels
    ]
    for label in labels:
        try:
            written = _written(label, texts, offered, frozenset(where))
            written = written or _named(label, labels, where, montage)
            found.append(tuple(_place(label, x, where, montage) for x in written))
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(problems)
    return DerivationPicker(labels, tuple(found))


def _where(montage: Montage) -> dict[str, tuple[int, int]]:
    """Map each label to its stream and its place in it."""
    return {
        channel.label: (i, j)
        for i, stream in enumerate(montage.streams)
        for j, channel in enumerate(stream.channels)
    }


def _written(
    label: str,
    texts: Mapping[str, str],
    offered: Mapping[str, tuple[str, ...]],
    channels: frozenset[str],
) -> tuple[str, ...]:
    if text := texts.get(label):
        return (text,)
    return tuple(
        text
        for text in offered.get(label, ())
        if text in channels or {site for site, _ in _sum(label, text, 1.0)} <= channels
    )


def _named(
    label: str,
    labels: tuple[str, ...],
    where: Mapping[str, tuple[int, int]],
    montage: Montage,
) -> tuple[str, ...]:
    text = _own_label(label, where) or _only_one(label, labels, montage)
    return (text,) if text else ()


def _own_label(label: str, where: Mapping[str, tuple[int, int]]) -> str | None:
    for name in (label, label.partition(" ")[2]):
        if name and name in where:
            return name
    return None


def _only_one(label: str, labels: tuple[str, ...], montage: Montage) -> str | None:
    word = label.partition(" ")[0]
    if word not in SINGLE or [x.partition(" ")[0] for x in labels].count(word) > 1:
        return None
    there = [
        channel.label
        for stream in montage.streams
        for channel in stream.channels
        if channel.modality is SINGLE[word]
    ]
    return there[0] if len(there) == 1 else None


def _place(
    label: str, text: str, where: Mapping[str, tuple[int, int]], montage: Montage
) -> PlacedDerivation:
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
    return PlacedDerivation(text, stream, row)
