"""Messages of the control socket: a line of JSON each way. Pure.

``{"do": "start", "device": "bedroom"}`` is answered by ``{"ok": true, "data": {...}}``
or ``{"ok": false, "error": {"code": "no_device", "reason": "..."}}``.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.bounded_json import parse_json
from gateway.errors import RequestError

LONGEST_REQUEST = 4096  # bytes, its line break among them
LONGEST_TEXT = 200
VERBS = ("status", "start", "stop", "mark", "lights")
KEYS = {"do", "device", "text", "off"}


@dataclass(frozen=True, slots=True)
class ControlRequest:
    """A request that makes sense.

    Attributes
    ----------
    do : str
        One of `VERBS`.
    device : str
        Whom it is about; empty for ``status``.
    text : str
        Of a mark; may be empty.
    off : bool
        The lights.
    """

    do: str
    device: str = ""
    text: str = ""
    off: bool = False


def read_order(line: bytes) -> ControlRequest:
    """Read a request.

    Raises
    ------
    RequestError
        If it is none.
    """
    tree = _tree(line)
    if unknown := sorted(map(str, tree.keys() - KEYS)):
        raise RequestError("bad_request", f"unknown key {unknown[0]!r:.40}")
    do = tree.get("do")
    if do not in VERBS:
        known = ", ".join(VERBS)
        raise RequestError("unknown_verb", f"no {do!r:.40}; there is {known}")
    device, text, off = (tree.get(key) for key in ("device", "text", "off"))
    if do != "status" and not isinstance(device, str):
        raise RequestError("bad_request", "device: name a headband")
    if do == "lights" and not isinstance(off, bool):
        raise RequestError("bad_request", "off: expected true or false")
    return ControlRequest(do, device or "", _text(text), off=bool(off))


def answer_line(data: Mapping[str, Any]) -> bytes:
    """Write the answer to a request that was served."""
    return _line({"ok": True, "data": data})


def refusal_line(error: RequestError) -> bytes:
    """Write the answer to a request that was not."""
    return _line({"ok": False, "error": {"code": error.code, "reason": str(error)}})


def order_line(order: ControlRequest) -> bytes:
    """Write a request; the inverse of `read_order`."""
    tree = {"do": order.do, "device": order.device, "text": order.text}
    return _line({**tree, "off": order.off})


def read_answer(line: bytes) -> dict[str, Any]:
    """Return the data of an answer.

    Raises
    ------
    RequestError
        If the request was refused, or this is no answer.
    """
    tree = _tree(line)
    if tree.get("ok") is True and isinstance(tree.get("data"), dict):
        return dict(tree["data"])
    error = tree.get("error")
    if not isinstance(error, dict):
        raise RequestError("bad_answer", "the daemon's answer is none")
    raise RequestError(str(error.get("code")), str(error.get("reason")))


def _text(text: object) -> str:
    if text is None:
        return ""
    if not isinstance(text, str) or not text.isprintable() or len(text) > LONGEST_TEXT:
        what = f"text: at most {LONGEST_TEXT} printable characters, on one line"
        raise RequestError("bad_request", what)
    return text


def _tree(line: bytes) -> dict[str, Any]:
    try:
        tree = parse_json(line)
    except ValueError as error:
        raise RequestError("bad_request", "not a line of JSON") from error
    if not isinstance(tree, dict):
        raise RequestError("bad_request", "not an object of JSON")
    return tree


def _line(tree: Mapping[str, Any]) -> bytes:
    return json.dumps(tree, separators=(",", ":"), allow_nan=False).encode() + b"\n"
