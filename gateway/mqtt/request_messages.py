"""Requests to the gateway over MQTT, and its answers. Pure.

A request is a JSON object on ``bridge/request/<verb>``; whatever it calls its
``transaction`` comes back in the answer on ``bridge/response/<verb>``.
"""

import json
import re
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from gateway.bounded_json import parse_json
from gateway.errors import RequestError

MAX_BYTES = 4096
LINE = 200  # characters of a mark
WORD = re.compile(rb"[a-z_]{1,32}")


class MqttRequest(NamedTuple):
    """Request that was read.

    Attributes
    ----------
    verb : str
        Last level of the topic.
    whom : str
        The level before ``request``: a headband's name, or ``bridge``.
    transaction : str, int or None
        The sender's name for it.
    fields : mapping
        The rest.
    """

    verb: str
    whom: str
    transaction: str | int | None
    fields: Mapping[str, Any]

    def whole_number(self, name: str, default: int | None = None) -> int:
        """Return field `name`, a whole number from 0.

        Raises
        ------
        RequestError
            If it is none, or is missing and there is no `default`.
        """
        value = self.fields.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise RequestError(
                "bad_field", f"{name}: expected a whole number from 0, got {value!r}"
            )
        return value

    def line(self, name: str) -> str:
        """Return field `name`, a text of one line; a bare word is any field.

        Raises
        ------
        RequestError
            If it is none, or is missing.
        """
        value = self.fields.get(name, self.fields.get("action"))
        if not isinstance(value, str) or not value.isprintable():
            raise RequestError("bad_field", f"{name}: expected a line, got {value!r}")
        if not 0 < len(value) <= LINE:
            raise RequestError(
                "bad_field", f"{name}: {len(value)} characters; give 1 to {LINE}"
            )
        return value


def read_action(request: MqttRequest, actions: Collection[str]) -> str:
    """Return the field ``action`` of `request`, one of `actions`.

    Raises
    ------
    RequestError
        If it is none of them.
    """
    action = request.fields.get("action")
    if action not in actions:
        known = " or ".join(sorted(actions))
        raise RequestError("bad_field", f"action: expected {known}, got {action!r}")
    return str(action)


def read_request(topic: str, payload: bytes) -> MqttRequest:
    """Read a request; an empty payload asks for nothing in particular.

    A bare word, as switches and buttons send it, is the field ``action``.

    Raises
    ------
    RequestError
        If it is no JSON object, or larger than 4 kB.
    """
    *_, whom, _, verb = topic.split("/")
    if len(payload) > MAX_BYTES:
        raise RequestError("too_large", f"{len(payload)} bytes; at most {MAX_BYTES}")
    try:
        bare = WORD.fullmatch(payload)
        fields = {"action": payload.decode()} if bare else parse_json(payload or b"{}")
    except ValueError as error:
        raise RequestError("not_json", f"expected a JSON object: {error}") from error
    if not isinstance(fields, dict):
        raise RequestError("not_json", "expected a JSON object")
    transaction = fields.pop("transaction", None)
    if not isinstance(transaction, (str, int, type(None))):
        raise RequestError("bad_field", "transaction: expected a text or a number")
    return MqttRequest(verb, whom, transaction, fields)


def ok_payload(request: MqttRequest, data: Mapping[str, object]) -> bytes:
    """Write the answer to a request that was served."""
    return _json({"transaction": request.transaction, "status": "ok", "data": data})


def error_payload(request: MqttRequest | None, error: RequestError) -> bytes:
    """Write the answer to a request that was not; None if it could not be read."""
    why = {"code": error.code, "message": str(error)}
    transaction = None if request is None else request.transaction
    return _json({"transaction": transaction, "status": "error", "error": why})


def _json(document: Mapping[str, object]) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()
