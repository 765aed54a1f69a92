"""The card that travels inside a model file.

A model package is a TFLite flatbuffer with a zip archive appended. It holds
``card.json`` and, if the model has them, golden vectors in ``golden.npz``;
interpreters read the flatbuffer and ignore what follows it, and any zip tool can
list what is there.
"""

import hashlib
import io
import json
import math
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gateway.errors import ModelError
from gateway.preprocessing.filtering import Band
from gateway.staging.context import ContextHead
from gateway.staging.golden_vectors import GoldenVectors, decode, encode
from gateway.staging.model_archive import (
    CARD,
    CONTEXT,
    DAMAGE,
    read_entry,
    split,
    zipped,
)
from gateway.staging.stage import STAGES

GOLDEN, HEAD_GOLDEN = "golden.npz", "context.npz"


@dataclass(frozen=True, slots=True)
class ModelCard:
    """Model card: input, training data and measured accuracy.

    Attributes
    ----------
    name : str
        E.g. ``"ulw-sleepnet-3ch-v1"``.
    channels : tuple of str
        Derivations in input order.
    scale_uv : tuple of float
        Divisor of each channel before `gateway.preprocessing.input_scaling.compress`.
    band : Band
    temperature : float
        Divides the logits before the softmax.
    digest : str
        SHA-256 of the flatbuffer and, if there is one, the context head after it, hex.
    about : mapping
        Everything meant for people: training data, protocol, figures, limits,
        licence.
    context : ContextHead or None
        None for a model that stages every epoch by itself.
    """

    name: str
    channels: tuple[str, ...]
    scale_uv: tuple[float, ...]
    band: Band
    temperature: float
    digest: str
    about: Mapping[str, Any] = field(default_factory=dict)
    context: ContextHead | None = None

    @property
    def short_digest(self) -> str:
        """First 48 bits of the digest, as published with every epoch."""
        return self.digest[:12]

    def scale(self) -> NDArray[np.float32]:
        """Return `scale_uv` as float32, shape (n_channels,)."""
        return np.array(self.scale_uv, dtype=np.float32)


def pack(
    flatbuffer: bytes,
    card: ModelCard,
    golden: GoldenVectors | None = None,
    head: bytes = b"",
    head_golden: GoldenVectors | None = None,
) -> bytes:
    """Append `card` to `flatbuffer`; the inverse of `unpack`.

    The digest written is that of `flatbuffer` and `head`, whatever `card` says.
    """
    document = {
        "name": card.name,
        "channels": list(card.channels),
        "classes": [stage.value for stage in STAGES],
        "scale_uv": list(card.scale_uv),
        "band": {name: getattr(card.band, name) for name in Band.__slots__},
        "temperature": card.temperature,
        "digest": hashlib.sha256(flatbuffer + head).hexdigest(),
        "about": dict(card.about),
    }
    if card.context is not None:
        document["context"] = asdict(card.context)
    text = json.dumps(document, indent=1, sort_keys=True, allow_nan=False)
    entries = {CARD: text.encode()}
    if head:
        entries[CONTEXT] = head
    for name, vectors in ((GOLDEN, golden), (HEAD_GOLDEN, head_golden)):
        if vectors is not None:
            entries[name] = encode(vectors)
    return flatbuffer + zipped(entries)


def unpack(package: bytes, source: str) -> tuple[bytes, ModelCard]:
    """Split a model package into its flatbuffer and its card.

    Parameters
    ----------
    package : bytes
    source : str
        File name, for messages.

    Raises
    ------
    ModelError
        If it is no TFLite file, has no readable card, or its digest is wrong.
        The interpreters crash on a damaged flatbuffer rather than refuse it, so
        none may see one that has not passed here.
    """
    parts = split(package, source)
    card = _card(parts.card, source)
    digest = parts.digest
    if digest != card.digest:
        raise ModelError(
            f"{source}: damaged: its SHA-256 is {digest[:12]}..., its card says "
            f"{card.digest[:12]}...; copy the file again"
        )
    return parts.flatbuffer, card


def has_golden(package: bytes, name: str = GOLDEN) -> bool:
    """Tell whether a package that `unpack` accepts brings golden vectors."""
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        return name in archive.namelist()


def read_context(package: bytes, source: str) -> bytes:
    """Return the flatbuffer of the context head of a package that `unpack` accepts.

    Raises
    ------
    ModelError
        If it has none.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(package)) as archive:
            return read_entry(archive, CONTEXT)
    except DAMAGE as error:
        raise ModelError(f"{source}: no readable context head: {error}") from error


def read_golden(package: bytes, source: str, name: str = GOLDEN) -> GoldenVectors:
    """Return the golden vectors of a package that `unpack` accepts.

    Those of its network, or as `HEAD_GOLDEN` those of its context head.

    Raises
    ------
    ModelError
        If there are none, or they are damaged.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(package)) as archive:
            return decode(read_entry(archive, name))
    except DAMAGE as error:
        raise ModelError(f"{source}: no readable golden vectors: {error}") from error


def _card(document: Mapping[str, Any], source: str) -> ModelCard:
    try:
        classes = document["classes"]
        card = ModelCard(
            name=str(document["name"]),
            channels=tuple(map(str, document["channels"])),
            scale_uv=tuple(map(float, document["scale_uv"])),
            band=Band(**document["band"]),
            temperature=float(document["temperature"]),
            digest=str(document["digest"]),
            about=dict(document["about"]),
            context=_head(document),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{source}: its card is incomplete: {error!r}") from error
    if classes != [stage.value for stage in STAGES]:
        raise ModelError(f"{source}: classes {classes}, not W N1 N2 N3 R")
    if len(set(card.channels)) != len(card.channels) or not card.channels:
        raise ModelError(f"{source}: channels {card.channels}: one or more, no twins")
    if len(card.scale_uv) != len(card.channels) or not _positive(*card.scale_uv):
        raise ModelError(
            f"{source}: scale_uv {card.scale_uv}: one positive number per channel"
        )
    if not _positive(card.temperature):
        raise ModelError(f"{source}: temperature {card.temperature} is not positive")
    if (head := card.context) and not _positive(head.n_epochs, head.temperature):
        raise ModelError(f"{source}: {head}: both must be positive")
    if (problem := card.band.problem()) is not None:
        raise ModelError(f"{source}: band {card.band}: {problem}")
    return card


def _head(document: Mapping[str, Any]) -> ContextHead | None:
    if "context" not in document:
        return None
    head = document["context"]
    return ContextHead(int(head["n_epochs"]), float(head["temperature"]))


def _positive(*values: float) -> bool:
    return all(math.isfinite(value) and value > 0 for value in values)
