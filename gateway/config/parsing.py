"""From a decoded YAML tree to frozen dataclasses, or every problem at once. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, Field, fields, is_dataclass
from difflib import get_close_matches
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import yaml

from gateway.errors import ConfigError

T = TypeVar("T")
NOTHING = ("", "~", "null")
# what PyYAML's constructors raise beside its own errors, e.g. for `!!bool x`
UNREADABLE = (yaml.YAMLError, AttributeError, KeyError, TypeError, ValueError)


class Unquoted(str):
    """Text from outside the file: YAML, except where text is wanted."""

    __slots__ = ()

    def read(self) -> object:
        """Return what YAML makes of it; itself if that is nothing."""
        try:
            return yaml.safe_load(self)
        except (*UNREADABLE, RecursionError):
            return str(self)


def parse(tree: object, into: type[T], path: str = "") -> T:
    """Build `into`, a frozen dataclass, from a decoded YAML mapping.

    Nothing is coerced: ``'30'`` is not 30.

    Parameters
    ----------
    tree : object
        What the YAML reader made of the file or section.
    into : type
        Dataclass; its fields and their types are the schema. A method `problems`
        may yield what types cannot say.
    path : str
        Dotted path of `tree` in the file, for messages; ends in a dot if not empty.

    Raises
    ------
    ConfigError
        Listing all unknown keys, missing keys and wrong values, with their paths.
    """
    problems: list[str] = []
    built = _build(tree, into, path, problems)
    if built is None:
        raise ConfigError(problems)
    return built


def _build(tree: object, into: type[T], path: str, problems: list[str]) -> T | None:
    """Return `into`, or None after adding to `problems`."""
    if isinstance(tree, Unquoted):
        tree = tree.read()
    if not isinstance(tree, Mapping):
        where = path.rstrip(".") or "the file"
        problems.append(f"{where}: expected a section, got {tree!r}")
        return None
    known = {f.name: f for f in fields(into)}  # type: ignore[arg-type] # a dataclass
    hints = get_type_hints(into)
    n_before = len(problems)
    for key in sorted(map(str, tree.keys() - known.keys())):
        near = get_close_matches(key, known, n=1)
        problems.append(f"{path}{key}: unknown key" + (f"; {near[0]}?" if near else ""))
    values: dict[str, Any] = {}
    for name, spec in known.items():
        if name in tree:
            seen: list[str] = []
            values[name] = _value(tree[name], hints[name], f"{path}{name}", seen)
            if seen and not spec.repr:  # what it is shall not be shown
                words = f"expected {type_words(hints[name])}, got <secret>"
                seen = [f"{path}{name}: {words}{_in_quotes(tree[name], hints[name])}"]
            problems += seen
        elif required(spec):
            problems.append(f"{path}{name}: missing")
    if len(problems) > n_before:
        return None
    built = into(**values)
    check = getattr(built, "problems", None)
    if check is not None:
        problems += [f"{path}{problem}" for problem in check()]
    return built if len(problems) == n_before else None


def _value(tree: object, kind: Any, path: str, problems: list[str]) -> object:  # noqa: ANN401 (a type form)
    if isinstance(tree, Unquoted) and kind is not object:
        tree = str(tree) if _wants_text(tree, kind) else tree.read()
    if is_dataclass(kind) and isinstance(kind, type):
        return _build(tree, kind, f"{path}.", problems)
    origin, args = get_origin(kind), get_args(kind)
    if origin is UnionType and isinstance(tree, Mapping):
        for choice in filter(is_dataclass, args):
            return _value(tree, choice, path, problems)
    if origin is tuple:
        return _items(tree, args[0], path, problems)
    if origin is Mapping:
        return _mapping(tree, args[1], path, problems)
    if not _fits(tree, kind):
        words = f"expected {type_words(kind)}, got {tree!r}"
        problems.append(f"{path}: {words}{_in_quotes(tree, kind)}")
    return float(tree) if kind is float and isinstance(tree, int) else tree


def _in_quotes(tree: object, kind: Any) -> str:  # noqa: ANN401 (a type form)
    """Return what to do where YAML reads a text as a number, a date or a truth."""
    is_scalar = tree is not None and not isinstance(tree, (Mapping, Sequence))
    wants_text = kind is str or str in get_args(kind)
    return "; write it in quotes" if is_scalar and wants_text else ""


def _items(
    tree: object,
    kind: Any,  # noqa: ANN401 (a type form)
    path: str,
    problems: list[str],
) -> tuple[object, ...]:
    if tree is None:  # every item is commented out
        return ()
    if not isinstance(tree, Sequence) or isinstance(tree, str):
        problems.append(f"{path}: expected a list, got {tree!r}")
        return ()
    return tuple(
        _value(item, kind, f"{path}[{at}]", problems) for at, item in enumerate(tree)
    )


def _mapping(
    tree: object,
    kind: Any,  # noqa: ANN401 (a type form)
    path: str,
    problems: list[str],
) -> Mapping[str, object]:
    if not isinstance(tree, Mapping):
        problems.append(f"{path}: expected a section, got {tree!r}")
        return {}
    return {
        str(key): _value(value, kind, f"{path}.{key}", problems)
        for key, value in tree.items()
    }


def _wants_text(text: str, kind: Any) -> bool:  # noqa: ANN401 (a type form)
    kinds = get_args(kind) if get_origin(kind) in {Union, UnionType} else (kind,)
    if NoneType in kinds and text in NOTHING:
        return False
    return str in kinds or any(
        get_origin(each) is Literal and text in get_args(each) for each in kinds
    )


def _fits(value: object, kind: Any) -> bool:  # noqa: ANN401 (a type form)
    if kind is object:
        return True
    if get_origin(kind) is Literal:
        return any(
            value == choice and type(value) is type(choice) for choice in get_args(kind)
        )
    if get_origin(kind) in {Union, UnionType}:
        return any(_fits(value, choice) for choice in get_args(kind))
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, (int, float) if kind is float else kind)


def type_words(kind: Any) -> str:  # noqa: ANN401 (a type form)
    """Write a type for people."""
    if get_origin(kind) is Literal:
        return " or ".join(str(choice) for choice in get_args(kind))
    if get_origin(kind) in {Union, UnionType}:
        return " or ".join(type_words(choice) for choice in get_args(kind))
    return "nothing" if kind is type(None) else str(kind.__name__)


def required(spec: Field[Any]) -> bool:
    """Tell whether a field has no default."""
    return spec.default is MISSING and spec.default_factory is MISSING
