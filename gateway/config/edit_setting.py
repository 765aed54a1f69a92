"""Change one setting of a section in the YAML text, and touch nothing else."""

import yaml

from gateway.config.secret_tags import LeftSecretLoader
from gateway.config.yaml_text import UneditableError, scalar
from gateway.errors import ConfigError


def with_setting(text: str, section: str, key: str, value: str) -> str:
    """Return `text` with ``section: {key: value}``.

    Comments, order, quoting and line ends stay as they are. The result is read again
    and compared with what was meant.

    Raises
    ------
    ConfigError
        If the text is written in a way that cannot be edited safely.
    """
    try:
        old = LeftSecretLoader(text).get_single_data() or {}
        new = _set(text, section, key, scalar(value))
        meant = {**old, section: {**(old.get(section) or {}), key: value}}
        if LeftSecretLoader(new).get_single_data() == meant:
            return new
    except (yaml.YAMLError, UneditableError):
        pass
    problem = f"it cannot be edited safely; under `{section}`, set by hand"
    raise ConfigError([f"{problem}: {key}: {scalar(value)}"])


def _set(text: str, section: str, key: str, shown: str) -> str:
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    eol = "\r\n" if "\r\n" in text else "\n"
    if root is None:
        return _appended(text, [f"{section}:", f"  {key}: {shown}"], eol)
    if not isinstance(root, yaml.MappingNode):
        raise UneditableError
    there = {name.value: (name, node) for name, node in root.value}
    if section not in there:
        if text[root.start_mark.index] == "{":
            return _first(text, root, f"{section}: {{{key}: {shown}}}", eol)
        margin = " " * root.start_mark.column
        lines = [f"{margin}{section}:", f"{margin}  {key}: {shown}"]
        return _appended(text, lines, eol)
    return _in_section(text, *there[section], (key, shown), eol)


def _in_section(
    text: str, name: yaml.Node, node: yaml.Node, pair: tuple[str, str], eol: str
) -> str:
    key, shown = pair
    if isinstance(node, yaml.MappingNode):
        values = {k.value: v for k, v in node.value}
        if key in values:
            return _replaced(text, values[key], shown)
        return _first(text, node, f"{key}: {shown}", eol)
    if node.start_mark.index != node.end_mark.index:
        raise UneditableError  # something that is no mapping stands there
    line = f"{' ' * (name.start_mark.column + 2)}{key}: {shown}{eol}"
    at = text.find("\n", name.end_mark.index) + 1
    return text[:at] + line + text[at:] if at else text + eol + line


def _first(text: str, node: yaml.MappingNode, pair: str, eol: str) -> str:
    """Put `pair` before all others of the mapping."""
    at = node.start_mark.index
    if text[at] == "{":
        comma = ", " if node.value else ""
        return f"{text[: at + 1]}{pair}{comma}{text[at + 1 :]}"
    return f"{text[:at]}{pair}{eol}{' ' * node.start_mark.column}{text[at:]}"


def _replaced(text: str, node: yaml.Node, shown: str) -> str:
    start, end = node.start_mark.index, node.end_mark.index
    space = " " if start == end else ""  # an empty value begins at its colon
    return text[:start] + space + shown + text[end:]


def _appended(text: str, lines: list[str], eol: str) -> str:
    gap = eol if text and not text.endswith("\n") else ""
    return text + gap + "".join(line + eol for line in lines)
