"""Read the configuration, and say where each problem stands."""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from gateway.config.environment import overridden
from gateway.config.parsing import UNREADABLE
from gateway.config.schema import Config, parse
from gateway.config.secret_tags import LeftSecretLoader, SecretLoader
from gateway.errors import AS_WHOM, ConfigError
from gateway.own_command import pair_command

LARGEST = 32 * 1024  # characters; ours has 4000
MOST_NODES = 10_000  # aliases followed: a few lines of YAML can stand for billions
DEEPEST = 20
MOST_BRACKETS = 2000


@dataclass(frozen=True, slots=True)
class Document:
    """Configuration document of the file and the environment.

    Attributes
    ----------
    path : Path
    tree : object
        Decoded YAML.
    places : mapping of str to str
        Where each key stands, by dotted path: file and line, or a variable.
    repeated : tuple of str
        Keys given twice.
    """

    path: Path
    tree: object
    places: Mapping[str, str]
    repeated: tuple[str, ...] = ()

    def located(self, problem: str) -> str:
        """Put the place before `problem`, a text that starts with a dotted path."""
        key = problem.partition(":")[0]
        while key and key not in self.places:
            key = key.rpartition(".")[0] if "." in key else key.rpartition("[")[0]
        return f"{self.places.get(key, self.path)}: {problem}"

    def config(self) -> Config:
        """Return what it comes to, the outputs' sections as they are.

        Raises
        ------
        ConfigError
            Listing every problem, each with its place.
        """
        problems = [self.located(f"{key}: key given twice") for key in self.repeated]
        try:
            config = parse({} if self.tree is None else self.tree, Config)
        except ConfigError as error:
            raise ConfigError(
                [*problems, *map(self.located, error.problems)]
            ) from error
        if problems:
            raise ConfigError(problems)
        return config


def read_config(
    path: Path, loader: type[SecretLoader | LeftSecretLoader] = SecretLoader
) -> Config:
    """Read the configuration file; `loader` reads its secrets or leaves them.

    Raises
    ------
    ConfigError
        If the file cannot be read or holds anything wrong: every problem, each
        with its line.
    """
    return read_document(path, loader).config()


def read_document(
    path: Path,
    loader: type[SecretLoader | LeftSecretLoader] = SecretLoader,
    environ: Mapping[str, str] | None = None,
) -> Document:
    """Read the file, and what the environment has to say instead.

    Raises
    ------
    ConfigError
        If it cannot be read, is not YAML, or is made to exhaust who reads it.
    """
    text = read_text(path)
    if text.count("[") + text.count("{") > MOST_BRACKETS:  # PyYAML would take seconds
        raise ConfigError([f"{path}: not YAML: nested too deeply"])
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        if node is not None:
            _check_size(node)
        tree = loader(text).get_single_data()
    except yaml.YAMLError as error:
        raise ConfigError([_no_yaml(path, error)]) from error
    except ConfigError as error:  # a secret, and on which line it stands
        raise ConfigError([f"{path}:{problem}" for problem in error.problems]) from (
            error
        )
    except RecursionError as error:
        raise ConfigError([f"{path}: not YAML: nested too deeply"]) from error
    except UNREADABLE as error:
        raise ConfigError([f"{path}: not YAML: a value cannot be read"]) from error
    places = {key: f"{path}:{line}" for key, line in _lines(node, "")}
    repeated = tuple(name for name, _ in _repeated(node, ""))
    environment = os.environ if environ is None else environ
    tree, variables = overridden(tree, environment, loader)
    return Document(path, tree, {**places, **variables}, repeated)


def read_text(path: Path) -> str:
    """Return the file's text, line ends as they are.

    Raises
    ------
    ConfigError
        If it cannot be read, is no UTF-8, or far too large.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            text = file.read(LARGEST + 1)
    except PermissionError as error:
        why = f"cannot be read: {error.strerror}; {AS_WHOM}"
        raise ConfigError([f"{path}: {why}"]) from error
    except FileNotFoundError as error:
        step = f"next: {pair_command(path)}"
        raise ConfigError([f"there is no configuration {path} yet\n{step}"]) from error
    except OSError as error:
        raise ConfigError([f"{path}: cannot be read: {error.strerror}"]) from error
    except UnicodeDecodeError as error:
        raise ConfigError([f"{path}: not UTF-8 text: {error.reason}"]) from error
    if len(text) > LARGEST:
        raise ConfigError([f"{path}: more than {LARGEST} characters: no configuration"])
    return text


def _no_yaml(path: Path, error: yaml.YAMLError) -> str:
    """Say what is wrong on which line, and never what stands there."""
    if not isinstance(error, yaml.MarkedYAMLError):
        return f"{path}: not YAML: a character that no text has"
    mark = error.problem_mark or error.context_mark
    where = f"{path}:{mark.line + 1}" if mark else f"{path}"
    words = error.problem or "it ends too soon"
    words = re.sub(r" '(?!<)[^']{2,}'", "", words)  # perhaps a password like *secret
    return f"{where}: not YAML: {words}"


def _check_size(root: yaml.Node) -> None:
    """Refuse what is small to write and endless to read."""
    left: list[tuple[yaml.Node, int]] = [(root, 0)]
    n_seen = 0
    while left:
        node, depth = left.pop()
        n_seen += 1
        if depth > DEEPEST or n_seen > MOST_NODES:
            what = "aliases that stand for too much, or nested too deeply"
            raise ConfigError([f"{node.start_mark.line + 1}: {what}"])
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                left += [(key, depth + 1), (value, depth + 1)]
        elif isinstance(node, yaml.SequenceNode):
            left += [(each, depth + 1) for each in node.value]


def _lines(node: yaml.Node | None, path: str) -> Iterator[tuple[str, int]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            name = f"{path}.{key.value}" if path else str(key.value)
            yield name, key.start_mark.line + 1
            yield from _lines(value, name)
    elif isinstance(node, yaml.SequenceNode):
        for at, value in enumerate(node.value):
            yield f"{path}[{at}]", value.start_mark.line + 1
            yield from _lines(value, f"{path}[{at}]")


def _repeated(node: yaml.Node | None, path: str) -> Iterator[tuple[str, int]]:
    """Yield keys given twice in one section; PyYAML would silently keep the last."""
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            name = f"{path}.{key.value}" if path else str(key.value)
            if name in seen:
                yield name, key.start_mark.line + 1
            else:
                yield from _repeated(value, name)
            seen.add(name)
    elif isinstance(node, yaml.SequenceNode):
        for at, value in enumerate(node.value):
            yield from _repeated(value, f"{path}[{at}]")
