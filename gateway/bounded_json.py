"""JSON from outsiders: bounded in depth and numbers before anything is made of it."""

import json
import re
from typing import Any, Never

MAX_DEPTH = 32
MAX_INTEGER = 2**63 - 1  # SQLite's; its INTEGER has 64 bits with a sign
_DIGITS = 19

_TEXT = re.compile(r'"(?:[^"\\]|\\.)*"?', re.DOTALL)
_NO_BRACKET = re.compile(r"[^\[\]{}]+")


def parse_json(text: str | bytes, max_depth: int = MAX_DEPTH) -> Any:  # noqa: ANN401
    """Return the value of a JSON text that an outsider wrote.

    The parser of the standard library recurses: a thousand brackets end in a
    `RecursionError`, so depth is counted first.

    Parameters
    ----------
    text : str or bytes
        UTF-8; its size is the caller's to bound.
    max_depth : int
        Of arrays and objects in each other.

    Raises
    ------
    ValueError
        If it is no JSON, is deeper than `max_depth`, has an integer beyond 64 bits, or
        NaN or Infinity, which JSON has not.

    Examples
    --------
    >>> parse_json('{"from": 12}')
    {'from': 12}
    >>> parse_json("[" * 1500)
    Traceback (most recent call last):
    ValueError: more than 32 arrays or objects in each other
    """
    if isinstance(text, bytes):
        text = text.decode()
    depth = 0
    for bracket in _NO_BRACKET.sub("", _TEXT.sub("", text)):
        depth += 1 if bracket in "[{" else -1
        if depth > max_depth:
            raise ValueError(f"more than {max_depth} arrays or objects in each other")
    return json.loads(text, parse_int=_integer, parse_constant=_constant)


def _integer(digits: str) -> int:
    is_short = len(digits.lstrip("-")) <= _DIGITS
    if not (is_short and abs(int(digits)) <= MAX_INTEGER):
        raise ValueError(f"{digits[:_DIGITS]}... is an integer beyond 64 bits")
    return int(digits)


def _constant(name: str) -> Never:
    raise ValueError(f"{name} is no JSON number")
