"""The card that travels inside a model file.

A model package is a TFLite flatbuffer with a zip archive appended that holds
``card.json``; interpreters read the flatbuffer and ignore what follows it.
"""

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gateway.errors import ModelError
from gateway.preprocessing.band import Band
from gateway.staging.stage import STAGES

CARD = "card.json"
TFLITE_MAGIC = b"TFL3"


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What a model expects, what it was trained on, and how good it is.

    Attributes
    ----------
    name : str
        E.g. ``"ulw-sleepnet-3ch-v1"``.
    channels : tuple of str
        Derivations in input order.
    scale_uv : tuple of float
        Divisor of each channel before `gateway.preprocessing.scale.compress`.
    band : Band
    temperature : float
        Divides the logits before the softmax.
    digest : str
        SHA-256 of the flatbuffer, hex.
    about : mapping
        Everything meant for people: training data, protocol, figures, limits,
        licence.
    """

    name: str
    channels: tuple[str, ...]
    scale_uv: tuple[float, ...]
    band: Band
    temperature: float
    digest: str
    about: Mapping[str, Any] = field(default_factory=dict)

    @property
    def short_digest(self) -> str:
        """First 48 bits of the digest, as published with every epoch."""
        return self.digest[:12]

    def scale(self) -> NDArray[np.float32]:
        """Return `scale_uv` as float32, shape (n_channels,)."""
        return np.array(self.scale_uv, dtype=np.float32)


def pack(flatbuffer: bytes, card: ModelCard) -> bytes:
    """Append `card` to `flatbuffer`; the inverse of `unpack`."""
    document = {
        "name": card.name,
        "channels": list(card.channels),
        "classes": [stage.value for stage in STAGES],
        "scale_uv": list(card.scale_uv),
        "band": {name: getattr(card.band, name) for name in Band.__slots__},
        "temperature": card.temperature,
        "digest": hashlib.sha256(flatbuffer).hexdigest(),
        "about": dict(card.about),
    }
    tail = io.BytesIO()
    with zipfile.ZipFile(tail, "w", zipfile.ZIP_DEFLATED) as archive:
        entry = zipfile.ZipInfo(CARD, (2026, 1, 1, 0, 0, 0))
        archive.writestr(entry, json.dumps(document, indent=1, sort_keys=True))
    return flatbuffer + tail.getvalue()


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
    """
    if package[4:8] != TFLITE_MAGIC:
        raise ModelError(f"{source}: not a TFLite model")
    try:
        with zipfile.ZipFile(io.BytesIO(package)) as archive:
            document = json.loads(archive.read(CARD))
            start = archive.start_dir - sum(
                len(i.FileHeader()) + i.compress_size for i in archive.infolist()
            )
    except (zipfile.BadZipFile, KeyError, ValueError) as error:
        raise ModelError(
            f"{source}: no readable card at its end (truncated?): {error}"
        ) from error
    flatbuffer = package[:start]
    card = _card(document, source)
    if hashlib.sha256(flatbuffer).hexdigest() != card.digest:
        raise ModelError(f"{source}: its digest is not the one on its card")
    return flatbuffer, card


def _card(document: Mapping[str, Any], source: str) -> ModelCard:
    try:
        if document["classes"] != [stage.value for stage in STAGES]:
            raise ModelError(
                f"{source}: classes {document['classes']}, not W N1 N2 N3 R"
            )
        card = ModelCard(
            name=str(document["name"]),
            channels=tuple(map(str, document["channels"])),
            scale_uv=tuple(map(float, document["scale_uv"])),
            band=Band(**document["band"]),
            temperature=float(document["temperature"]),
            digest=str(document["digest"]),
            about=document["about"],
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{source}: its card is incomplete: {error!r}") from error
    if len(card.scale_uv) != len(card.channels) or min(card.scale_uv) <= 0:
        raise ModelError(f"{source}: one positive scale_uv per channel, please")
    return card
