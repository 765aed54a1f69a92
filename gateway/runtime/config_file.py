"""Read the YAML file, and say on which line each problem stands."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import yaml

from gateway.config import Config, parse
from gateway.errors import ConfigError
from gateway.runtime.secret_tags import LeftSecretLoader, SecretLoader


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
    text = read_text(path)
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        tree = loader(text).get_single_data()
    except yaml.YAMLError as error:
        raise ConfigError([f"{path}: not YAML: {' '.join(str(error).split())}"]) from (
            error
        )
    except ConfigError as error:  # a secret, and on which line it stands
        raise ConfigError([f"{path}:{problem}" for problem in error.problems]) from (
            error
        )
    lines = dict(_lines(node, "")) if node is not None else {}
    problems = [
        f"{path}:{line}: {name}: key given twice" for name, line in _repeated(node, "")
    ]
    try:
        config = parse({} if tree is None else tree, Config)
    except ConfigError as error:
        problems += [located(path, lines, problem) for problem in error.problems]
    if problems:
        raise ConfigError(problems)
    return config


def config_lines(path: Path) -> Mapping[str, int]:
    """Return the line of every key in the file, by dotted path."""
    node = yaml.compose(read_text(path), Loader=yaml.SafeLoader)
    return dict(_lines(node, "")) if node is not None else {}


def located(path: Path, lines: Mapping[str, int], problem: str) -> str:
    """Put file and line before `problem`, a text that starts with a dotted path."""
    key = problem.partition(":")[0]
    while key and key not in lines:
        key = key.rpartition(".")[0] if "." in key else key.rpartition("[")[0]
    return f"{path}:{lines[key]}: {problem}" if key else f"{path}: {problem}"


def read_text(path: Path) -> str:
    """Return the file's text, line ends as they are.

    Raises
    ------
    ConfigError
        If it cannot be read, or is no UTF-8.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return file.read()
    except OSError as error:
        raise ConfigError([f"{path}: cannot be read: {error.strerror}"]) from error
    except UnicodeDecodeError as error:
        raise ConfigError([f"{path}: not UTF-8 text: {error.reason}"]) from error


def _lines(node: yaml.Node, path: str) -> Iterator[tuple[str, int]]:
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
