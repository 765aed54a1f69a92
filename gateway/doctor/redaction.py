"""Redaction of names, addresses and secrets in texts and documents. Pure."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from ipaddress import IPv6Address
from typing import Any

MAC = re.compile(
    r"(?<![0-9A-Fa-f])[0-9A-Fa-f]{2}(?:[:_-][0-9A-Fa-f]{2}){5}(?![0-9A-Fa-f])"
)
IPV4 = re.compile(r"\b(?!127\.)(?:\d{1,3}\.){3}\d{1,3}\b")
COLONS = re.compile(r"(?<![\w:])[0-9A-Fa-f]*:[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*(?![\w:])")
HEADBAND = re.compile(r"\b(Muse|MuseS|Ganglion|NPG)-[0-9A-Za-z]{2,6}\b")
HOME = re.compile(r"/home/[^/\s:'\"]+")
ALONE = r"(?<![^\W_]){}(?![^\W_])"  # between underscores, as in a recording's name, too
HERE = {"::", "::1"}
NOBODY = {"", "localhost", "root", "sleepgate", "ip6-localhost"}


class Anonymiser:
    """Replaces what identifies a person, a machine or a headband.

    The same is replaced by the same, so that a text stays readable.

    Parameters
    ----------
    secrets : iterable of str
        Taken out wherever they stand.
    names : mapping of str to iterable of str
        Names by their kind, e.g. ``{"host": ["pi.lan"]}``: taken out where they are
        words, in any case of letters.
    """

    def __init__(
        self, secrets: Iterable[str], names: Mapping[str, Iterable[str]]
    ) -> None:
        written = {
            form
            for secret in secrets
            if secret
            for form in (secret, json.dumps(secret)[1:-1], repr(secret)[1:-1])
        }
        self._secrets = sorted(written, key=len, reverse=True)
        self._names = [
            (re.compile(ALONE.format(re.escape(name)), re.IGNORECASE), kind)
            for kind, group in names.items()
            for name in sorted(set(group), key=len, reverse=True)
            if name.lower() not in NOBODY
        ]
        self._known: dict[tuple[str, str], str] = {}

    def text(self, text: str) -> str:
        """Return `text` without them."""
        for secret in self._secrets:
            text = text.replace(secret, "<secret>")
        text = MAC.sub(self._as("address", lambda mac: re.sub("[_-]", ":", mac)), text)
        text = HEADBAND.sub(self._as("headband"), text)
        text = HOME.sub("/home/<user>", text)
        text = IPV4.sub(self._as("ip"), text)
        text = COLONS.sub(self._ipv6, text)
        for pattern, kind in self._names:
            text = pattern.sub(self._as(kind), text)
        return text

    def tree(self, tree: Any) -> Any:  # noqa: ANN401 (what JSON can hold)
        """Return `tree`, of mappings and lists, with every text in it so treated."""
        if isinstance(tree, str):
            return self.text(tree)
        if isinstance(tree, Mapping):
            return {self.text(str(k)): self.tree(each) for k, each in tree.items()}
        if isinstance(tree, list | tuple):
            return [self.tree(each) for each in tree]
        return tree

    def _as(
        self, kind: str, same: Callable[[str], str] = str
    ) -> Callable[[re.Match[str]], str]:
        def name(match: re.Match[str]) -> str:
            known = self._known
            key = kind, same(match.group()).lower()
            if key not in known:
                n = sum(other == kind for other, _ in known) + 1
                known[key] = f"<{kind}-{n}>"
            return known[key]

        return name

    def _ipv6(self, match: re.Match[str]) -> str:
        try:
            IPv6Address(match.group())
        except ValueError:  # a time of day, or whatever else has colons
            return match.group()
        return match.group() if match.group() in HERE else self._as("ip")(match)
