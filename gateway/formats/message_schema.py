"""JSON Schemas (2020-12) of messages, generated from their declarations. Pure.

`scripts/packaging/message_schemas.py` writes them to ``schemas/``.
"""

import json
from enum import Enum
from types import NoneType, UnionType
from typing import (
    Annotated,
    Any,
    Literal,
    NotRequired,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

from gateway.formats.mqtt_documents import ONE_OF, Constraint, Declared

DIALECT = "https://json-schema.org/draft/2020-12/schema"
SIMPLE = {
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    NoneType: "null",
}
Schema = dict[str, Any]


def message_schema(declared: Declared) -> Schema:
    """Return the schema of a document, which allows no fields but those declared."""
    body = _object(declared.document)
    closed = body.pop("additionalProperties")
    return {
        "$schema": DIALECT,
        "title": declared.title,
        **body,
        **declared.rules,
        "additionalProperties": closed,
    }


def schema_text(declared: Declared) -> str:
    """Return the schema of a document as its file in ``schemas/``."""
    return json.dumps(message_schema(declared), indent=2) + "\n"


def _object(document: type) -> Schema:
    hints = get_type_hints(document, include_extras=True)
    needed = {
        name: kind for name, kind in hints.items() if get_origin(kind) != NotRequired
    }
    return {
        "type": "object",
        "required": list(needed),
        "properties": {name: _schema(kind) for name, kind in hints.items()},
        "additionalProperties": False,
    }


def _schema(kind: Any) -> Schema:  # noqa: ANN401 (a type form)
    if kind is Any:
        return {}
    if is_typeddict(kind):
        return _object(kind)
    origin, args = get_origin(kind), get_args(kind)
    if origin is NotRequired:
        return _schema(args[0])
    if origin is Annotated:
        return _constrained(args[0], kind.__metadata__)
    if origin in {Union, UnionType}:
        return _union(args)
    return _generic(origin, args) or {"type": SIMPLE[kind]}


def _generic(origin: Any, args: tuple[Any, ...]) -> Schema:  # noqa: ANN401 (a type form)
    if origin is Literal:
        return {"const": args[0]} if len(args) == 1 else {"enum": list(args)}
    if origin is list:
        return {"type": "array", "items": _schema(args[0])}
    if origin is tuple:
        n = len(args)
        items = [_schema(each) for each in args]
        return {"type": "array", "prefixItems": items, "minItems": n, "maxItems": n}
    if origin is dict:
        values = _schema(args[1])
        return {"type": "object"} | ({"additionalProperties": values} if values else {})
    return {}


def _constrained(kind: Any, constraints: tuple[Any, ...]) -> Schema:  # noqa: ANN401 (a type form)
    if ONE_OF in constraints:
        return {"oneOf": [_schema(each) for each in get_args(kind)]}
    schema = _schema(kind)
    for each in constraints:
        if isinstance(each, Constraint):
            # values say more than their type
            says_values = not each.keywords.keys().isdisjoint({"const", "enum"})
            schema = {**({} if says_values else schema), **each.keywords}
        elif issubclass(each, Enum):
            schema = {"enum": [member.value for member in each]}
    return {key: value for key, value in schema.items() if value is not None}


def _union(kinds: tuple[Any, ...]) -> Schema:
    """Return e.g. a number or null as one schema with two types, in their order."""
    schemas = [{"type": "null"} if k is NoneType else _schema(k) for k in kinds]
    if any("enum" in schema for schema in schemas):
        return {"enum": [value for s in schemas for value in s.get("enum", [None])]}
    types = [schema["type"] for schema in schemas]
    return {"type": types} | {
        key: value for s in schemas for key, value in s.items() if key != "type"
    }
