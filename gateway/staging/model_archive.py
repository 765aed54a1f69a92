"""The zip archive behind the flatbuffer of a model package."""

import io
import struct
import zipfile
import zlib
from collections.abc import Mapping

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
