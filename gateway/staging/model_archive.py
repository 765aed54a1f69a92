"""Model packages: a TFLite flatbuffer with a zip archive behind it. Pure."""

import hashlib
import io
import json
import struct
import zipfile
import zlib
from collections.abc import Mapping
from typing import Any, NamedTuple

from gateway.errors import ModelError

CARD = "card.json"
CONTEXT = "context.tflite"
TFLITE_MAGIC = b"TFL3"
LARGEST_ENTRY = 1 << 20  # bytes; a card is a page, golden vectors a few epochs
_WRITTEN = (2026, 1, 1, 0, 0, 0)  # the same model gives the same bytes
DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    KeyError,
    NotImplementedError,  # a flipped bit asks for a newer or an encrypted zip
    OSError,
    RuntimeError,
    ValueError,
)


class Parts(NamedTuple):
    """Parts of a model package.

    Attributes
    ----------
    flatbuffer : bytes
    head : bytes
        Flatbuffer of the context head; empty without one.
    card : mapping
        Content of ``card.json``, not checked.
    """

    flatbuffer: bytes
    head: bytes
    card: Mapping[str, Any]

    @property
    def digest(self) -> str:
        """SHA-256 of both flatbuffers, hex."""
        return hashlib.sha256(self.flatbuffer + self.head).hexdigest()


def split(package: bytes, source: str) -> Parts:
    """Take a model package apart.

    Parameters
    ----------
    package : bytes
    source : str
        File name, for messages.

    Raises
    ------
    ModelError
        If it is no TFLite file, or has no readable card.
    """
    if package[4:8] != TFLITE_MAGIC:
        raise ModelError(f"{source}: not a TFLite model")
    try:
        with zipfile.ZipFile(io.BytesIO(package)) as archive:
            card = json.loads(read_entry(archive, CARD))
            has_head = CONTEXT in archive.namelist()
            head = read_entry(archive, CONTEXT) if has_head else b""
            start = min(entry.header_offset for entry in archive.infolist())
    except DAMAGE as error:
        raise ModelError(
            f"{source}: no readable card at its end (a truncated copy, or a model "
            f"that was not made by `python -m training export`): {error}"
        ) from error
    return Parts(package[:start], head, card)


def zipped(entries: Mapping[str, bytes]) -> bytes:
    """Return an archive of `entries`; the same entries give the same bytes."""
    tail = io.BytesIO()
    with zipfile.ZipFile(tail, "w") as archive:
        for name, content in entries.items():
            entry = zipfile.ZipInfo(name, _WRITTEN)
            archive.writestr(entry, content, zipfile.ZIP_DEFLATED, 9)
    return tail.getvalue()


def read_entry(archive: zipfile.ZipFile, name: str) -> bytes:
    """Return one entry, if it is no larger than any that belongs there.

    Raises
    ------
    DAMAGE
        If it is not there, damaged, or too large.
    """
    size = archive.getinfo(name).file_size
    if size > LARGEST_ENTRY:
        raise ValueError(f"{name} of {size} bytes")
    return archive.read(name)
