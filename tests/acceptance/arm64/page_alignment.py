"""Segments of shared objects, which a Raspberry Pi 5 maps in pages of 16 kB."""

import struct
from collections.abc import Iterator
from pathlib import Path

PAGE = 16 * 1024
LOAD = 1
_IDENTITY = b"\x7fELF\x02\x01"  # 64 bits, little-endian


def load_alignments(image: bytes) -> list[int]:
    """Return the alignment of every LOAD segment of a 64-bit ELF file, in bytes.

    Elf64_Ehdr and Elf64_Phdr of the System V ABI.

    Raises
    ------
    ValueError
        If it is something else.
    """
    if not image.startswith(_IDENTITY):
        raise ValueError("no 64-bit little-endian ELF file")
    (start,) = struct.unpack_from("<Q", image, 32)
    size, number = struct.unpack_from("<HH", image, 54)
    headers = (
        struct.unpack_from("<IIQQQQQQ", image, start + n * size) for n in range(number)
    )
    return [header[7] for header in headers if header[0] == LOAD]


def shared_objects(folder: Path) -> list[Path]:
    """Return every shared object below `folder`."""
    return [p for p in folder.rglob("*.so*") if p.is_file() and not p.is_symlink()]


def too_finely_aligned(objects: list[Path]) -> Iterator[str]:
    """Say which of them cannot be loaded where a page has 16 kB."""
    for path in objects:
        finest = min(load_alignments(path.read_bytes()))
        if finest % PAGE or not finest:
            yield f"{path}: aligned to {finest} bytes, and a page has {PAGE}"
