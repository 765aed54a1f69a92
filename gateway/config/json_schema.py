"""The configuration's JSON Schema (2020-12), from its dataclasses. Pure."""

import re
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from inspect import getdoc
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from gateway.config.parsing import required
from gateway.config.schema import Config

DIALECT = "https://json-schema.org/draft/2020-12/schema"
SIMPLE = {bool: "boolean", int: "integer", float: "number", str: "string"}
ATTRIBUTE = re.compile(r"^(\w[\w, ]*) : .*\n((?: {4}.*\n?)*)", re.MULTILINE)
Schema = dict[str, Any]


def config_schema(outputs: Mapping[str, type]) -> Schema:
    """Return the schema of the whole file.

    It refuses nothing that the daemon takes; ranges and files are the daemon's to
    check.

    Parameters
    ----------
    outputs : mapping of str to type
        Options of every output, by the name of its section.
    """
    schema = _section(Config)
    schema["properties"]["outputs"] |= {
        "properties": {
            name: {"anyOf": [_section(options), {"type": "null"}]}
            for name, options in outputs.items()
        },
        "additionalProperties": False,
    }
    del schema["description"]
    return {"$schema": DIALECT, "title": "Sleepgate's configuration", **schema}


def _section(kind: type[Any]) -> Schema:
    hints, described = get_type_hints(kind), _descriptions(kind)
    schema: Schema = {
        "type": "object",
        "description": (getdoc(kind) or "").partition("\n")[0],
        "properties": {
            spec.name: _of(hints[spec.name])
            | described.get(spec.name, {})
            | _default(spec)
            for spec in fields(kind)
        },
        "additionalProperties": False,
    }
    if needed := [spec.name for spec in fields(kind) if required(spec)]:
        schema["required"] = needed
    return schema


def _of(kind: Any) -> Schema:  # noqa: ANN401 (a type form)
    if is_dataclass(kind) and isinstance(kind, type):
        return _section(kind)
    if kind is object:
        return {}
    return _generic(kind) or {"type": "null" if kind is NoneType else SIMPLE[kind]}


def _generic(kind: Any) -> Schema:  # noqa: ANN401 (a type form)
    origin, args = get_origin(kind), get_args(kind)
    if origin is Literal:
        return {"enum": list(args)}
    if origin in {Union, UnionType}:
        return {"anyOf": [_of(each) for each in args]}
    if origin is tuple:
        return {"type": ["array", "null"], "items": _of(args[0])}
    if origin is Mapping:
        return {"type": "object", "additionalProperties": _of(args[1])}
    return {}


def _default(spec: Field[Any]) -> Schema:
    default = spec.default
    if default is MISSING or not isinstance(default, bool | int | float | str | None):
        return {}
    return {"default": default}


def _descriptions(kind: type[Any]) -> dict[str, Schema]:
    """Return the descriptions of a numpydoc section Attributes."""
    _, _, listed = (getdoc(kind) or "").partition("Attributes\n----------\n")
    described: dict[str, Schema] = {}
    for names, text in ATTRIBUTE.findall(listed):
        if words := " ".join(text.split()):
            described |= {name: {"description": words} for name in names.split(", ")}
    return described
