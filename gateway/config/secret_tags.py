"""Secrets that stand elsewhere: ``!file``, ``!env`` and ``!credential`` in YAML."""

import os
from pathlib import Path
from stat import S_IROTH, S_ISREG

import yaml

from gateway.errors import ConfigError

LARGEST = 64 * 1024  # bytes of a secret; a certificate's key has some thousand
CREDENTIALS = "CREDENTIALS_DIRECTORY"  # set by systemd for LoadCredential=


class Secret(str):
    """A text that does not show itself."""

    __slots__ = ()

    def __repr__(self) -> str:
        """Hide it, also in error messages."""
        return "<secret>"


class SecretTag(Secret):
    """In place of a secret: its tag and its argument."""

    __slots__ = ()


class SecretLoader(yaml.SafeLoader):
    """Reads plain YAML and the tags of secrets.

    Raises `ConfigError` on a secret that cannot be read, with its line and the fix.
    """


def _file(loader: SecretLoader, node: yaml.Node) -> Secret:
    """Read a file that not everybody may read; its last line break is not part."""
    return _content(node, Path(_argument(loader, node)))


def _credential(loader: SecretLoader, node: yaml.Node) -> Secret:
    """Read what systemd passes as a credential of this name."""
    name = _argument(loader, node)
    folder = os.environ.get(CREDENTIALS)
    if folder is None:
        raise _problem(
            node,
            f"!credential {name}: systemd passes none; put LoadCredential={name}:FILE "
            "into the unit",
        )
    secret = _content(node, Path(folder) / name)
    if not secret:  # what the unit passes for want of the file
        raise _problem(
            node, f"!credential {name}: empty; write it into /etc/sleepgate/{name}"
        )
    return secret


def _env(loader: SecretLoader, node: yaml.Node) -> Secret:
    """Read an environment variable."""
    name = _argument(loader, node)
    if name not in os.environ:
        raise _problem(node, f"!env {name}: that environment variable is not set")
    return Secret(os.environ[name])


class LeftSecretLoader(yaml.SafeLoader):
    """Reads plain YAML and leaves each secret where it is, as its tag and its place.

    For those who do not need the secrets, and may have no right to them.
    """


def _left(loader: LeftSecretLoader, node: yaml.Node) -> SecretTag:
    """Keep the words."""
    return SecretTag(f"{node.tag} {_argument(loader, node)}")


def _no_such_tag(_loader: yaml.SafeLoader, _tag: str, node: yaml.Node) -> Secret:
    """Refuse every other tag, and do not show it: it may be a password."""
    raise _problem(
        node,
        "after ! comes file, env or credential, as in !file PATH",
    )


for _loader in (SecretLoader, LeftSecretLoader):
    _loader.add_multi_constructor("!", _no_such_tag)

for _tag, _read in (("!file", _file), ("!credential", _credential), ("!env", _env)):
    SecretLoader.add_constructor(_tag, _read)
    LeftSecretLoader.add_constructor(_tag, _left)


def _argument(loader: yaml.SafeLoader, node: yaml.Node) -> str:
    if not isinstance(node, yaml.ScalarNode) or not node.value:
        raise _problem(node, f"{node.tag}: write one word after it")
    return str(loader.construct_scalar(node))


def _content(node: yaml.Node, path: Path) -> Secret:
    try:
        status = path.stat()
        if not S_ISREG(status.st_mode) or status.st_size > LARGEST:
            raise _problem(node, f"{path}: not a file of some {LARGEST} bytes at most")
        if status.st_mode & S_IROTH:
            raise _problem(
                node, f"{path}: everybody may read this secret; chmod o= {path}"
            )
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "not UTF-8 text"
        raise _problem(node, f"{path}: cannot be read: {why}") from error
    text = text.removeprefix("\ufeff")  # some editors begin a file with this mark
    return Secret(text.removesuffix("\n").removesuffix("\r"))


def _problem(node: yaml.Node, words: str) -> ConfigError:
    return ConfigError([f"{node.start_mark.line + 1}: {words}"])
