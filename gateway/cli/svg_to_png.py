"""Pictures of points, where a program takes no SVG."""

from importlib import import_module
from typing import Any

from gateway.errors import MissingExtraError

ZOOM = 2  # sharp on a telephone


def png_of(svg: bytes) -> bytes:
    """Render an SVG picture as PNG, two points to a unit.

    Raises
    ------
    MissingExtraError
        If resvg-py is not installed.
    """
    try:
        resvg: Any = import_module("resvg_py")
    except ImportError as error:
        raise MissingExtraError("png", "--png") from error
    return bytes(resvg.svg_to_bytes(svg_string=svg.decode(), zoom=ZOOM))
