"""YAML text of a configuration, cut to add, change or remove a headband."""

import json
from collections.abc import Mapping

import yaml

from gateway.config.schema import SLUG

Values = Mapping[str, object]


class UneditableError(Exception):
    """The text has no place to cut."""


class ConfigText:
    """A configuration's text, and where its headbands stand.

    Every method raises `UneditableError` where there is no place to cut; what it
    returns is to be read again, because not every way of writing YAML is known here.

    Parameters
    ----------
    text : str
        Raises `yaml.YAMLError` if it is no YAML.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = list(yaml.scan(text, Loader=yaml.SafeLoader))
        self._root = yaml.compose(text, Loader=yaml.SafeLoader)
        self._eol = "\r\n" if "\r\n" in text else "\n"

    def appended(self, device: Values) -> str:
        """Return the text with `device` after the headbands it has."""
        root, at_root = self._root, 0
        if isinstance(root, yaml.MappingNode):
            at_root = root.start_mark.column
            for key, value in root.value:
                if key.value == "devices":
                    return self._added(key, value, device)
            if self._is_flow(root):
                comma = ", " if root.value else ""
                start = root.start_mark.index + 1
                return self._put(start, f"devices: [{flow(device)}]{comma}")
        margin = " " * at_root
        lines = [f"{margin}devices:", *block(device, at_root + 2)]
        return self._put_lines(self._document_end(), lines)

    def changed(self, name: str, values: Values) -> str:
        """Return the text with `values` in the headband called `name`."""
        item = self._item(name)[2]
        if not isinstance(item, yaml.MappingNode):
            raise UneditableError
        there = {key.value: value for key, value in item.value}
        cuts = [
            (there[key].start_mark.index, there[key].end_mark.index, scalar(value))
            for key, value in values.items()
            if key in there
        ]
        new = [f"{key}: {scalar(v)}" for key, v in values.items() if key not in there]
        if new and self._is_flow(item):
            at = item.start_mark.index + 1
            cuts.append((at, at, ", ".join(new) + ", "))
        elif new:
            margin = " " * item.start_mark.column
            at = self._line_end(self._content_end(item))
            added = "".join(f"{margin}{line}{self._eol}" for line in new)
            cuts.append((at, at, self._break(at) + added))
        text = self._text
        for start, end, put in sorted(cuts, reverse=True):
            text = text[:start] + put + text[end:]
        return text

    def removed(self, name: str) -> str:
        """Return the text without the headband called `name`."""
        key, devices, item = self._item(name)
        if self._is_flow(devices):
            return self._removed_flow(devices, item)
        dashes = [
            token.start_mark.index
            for token in self._tokens
            if isinstance(token, yaml.BlockEntryToken)
            and token.start_mark.column == devices.start_mark.column
            and token.start_mark.index <= item.start_mark.index
        ]
        start = self._text.rfind("\n", 0, max(dashes)) + 1
        end = self._after_own_comments(item, devices.start_mark.column)
        text = self._text[:start] + self._text[end:]
        if len(devices.value) > 1:
            return text
        colon = self._text.index(":", key.end_mark.index) + 1
        return text[:colon] + " []" + text[colon:]

    def _item(self, name: str) -> tuple[yaml.Node, yaml.SequenceNode, yaml.Node]:
        entries = self._root.value if isinstance(self._root, yaml.MappingNode) else ()
        for key, devices in entries:
            if key.value == "devices" and isinstance(devices, yaml.SequenceNode):
                for item in devices.value:
                    names = [v.value for k, v in item.value if k.value == "name"]
                    if names == [name]:
                        return key, devices, item
        raise UneditableError

    def _added(self, key: yaml.Node, devices: yaml.Node, device: Values) -> str:
        start, end = devices.start_mark.index, devices.end_mark.index
        if self._is_flow(self._root):
            if isinstance(devices, yaml.SequenceNode):
                return self._added_flow(devices, device)
            return f"{self._text[:start]} [{flow(device)}]{self._text[end:]}"
        if isinstance(devices, yaml.SequenceNode) and devices.value:
            if self._is_flow(devices):
                return self._added_flow(devices, device)
            column = devices.start_mark.column
            last = self._after_own_comments(devices.value[-1], column)
            return self._put_lines(last, block(device, column))
        if isinstance(devices, yaml.SequenceNode) and self._text[start:end] != "[]":
            return self._added_flow(devices, device)
        head = self._text[:start].rstrip(" ")  # empty: the items go below its key
        tail = self._text[end:]
        at = len(head) + (tail.find("\n") + 1 if "\n" in tail else len(tail))
        shortened = ConfigText(head + tail)
        return shortened._put_lines(at, block(device, key.start_mark.column + 2))

    def _added_flow(self, devices: yaml.SequenceNode, device: Values) -> str:
        if not devices.value:
            return self._put(devices.start_mark.index + 1, flow(device))
        return self._put(devices.value[-1].end_mark.index, f", {flow(device)}")

    def _removed_flow(self, devices: yaml.SequenceNode, item: yaml.Node) -> str:
        start, end = item.start_mark.index, item.end_mark.index
        commas = [
            token.end_mark.index
            for token in self._tokens
            if isinstance(token, yaml.FlowEntryToken)
            and end <= token.start_mark.index < devices.end_mark.index
        ]
        head, tail = self._text[:start], self._text[min(commas, default=end) :]
        if not commas and head.rstrip(" ").endswith(","):
            return head.rstrip(" ")[:-1] + tail
        return head + (tail.lstrip(" ") if commas else tail)

    def _is_flow(self, node: yaml.Node | None) -> bool:
        return node is not None and self._text[node.start_mark.index] in "[{"

    def _content_end(self, node: yaml.Node) -> int:
        """Return where the last word of `node` ends, comments left out."""
        limit = max(node.end_mark.index, node.start_mark.index + 1)
        ends: list[int] = [
            token.end_mark.index
            for token in self._tokens
            if token.start_mark.index < min(token.end_mark.index, limit)
        ]
        return max(ends)

    def _after_own_comments(self, item: yaml.Node, column: int) -> int:
        """Return where the lines after `item` begin that are not its own."""
        at = self._line_end(self._content_end(item))
        while at < len(self._text):
            end = self._line_end(at + 1)
            line = self._text[at:end]
            if not line.lstrip(" ").startswith("#") or line[: column + 1].strip(" "):
                break
            at = end
        return at

    def _document_end(self) -> int:
        for token in self._tokens:
            if isinstance(token, yaml.DocumentEndToken):
                at: int = token.start_mark.index
                return at
        return len(self._text)

    def _line_end(self, at: int) -> int:
        """Return where the line after the one that ends at `at` begins."""
        if at and self._text[at - 1] == "\n":
            return at
        return self._text.find("\n", at) + 1 or len(self._text)

    def _break(self, at: int) -> str:
        return self._eol if at and self._text[at - 1] != "\n" else ""

    def _put_lines(self, at: int, lines: list[str]) -> str:
        return self._put(
            at, self._break(at) + "".join(line + self._eol for line in lines)
        )

    def _put(self, at: int, added: str) -> str:
        return self._text[:at] + added + self._text[at:]


def block(device: Values, column: int) -> list[str]:
    """Return `device` as lines of a list whose dashes stand in `column`."""
    pairs = [f"{key}: {scalar(value)}" for key, value in device.items()]
    margin = " " * column
    return [f"{margin}- {pairs[0]}", *(f"{margin}  {pair}" for pair in pairs[1:])]


def flow(device: Values) -> str:
    """Return `device` on one line, in braces."""
    pairs = ", ".join(f"{key}: {scalar(value)}" for key, value in device.items())
    return f"{{{pairs}}}"


def scalar(value: object) -> str:
    """Return a value as YAML on one line; a word stays bare where it may."""
    word = isinstance(value, str) and SLUG.fullmatch(value)
    if word and yaml.safe_load(word[0]) == value:  # `no` and `2024-12-03` need quotes
        return word[0]
    if isinstance(value, float):  # JSON's 1e-07 is a text in YAML
        return str(yaml.safe_dump(value)).partition("\n")[0]
    return json.dumps(value, ensure_ascii=False)
