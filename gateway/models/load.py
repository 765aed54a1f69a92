"""Find a model file, the shipped one or the user's own, and load it."""

from importlib.resources import files
from pathlib import Path

from gateway.errors import ModelError
from gateway.staging.scorers.litert import LiteRtScorer, load

DEFAULT = "ulw-sleepnet-3ch-v4.tflite"


def read_model(name_or_path: str) -> LiteRtScorer:
    """Load a model.

    Parameters
    ----------
    name_or_path : str
        ``"default"`` for the one that ships with the gateway, otherwise the path
        of a file.

    Raises
    ------
    ModelError
        If the file cannot be read or is refused; names it.
    """
    return load(*read_package(name_or_path))


def read_package(name_or_path: str) -> tuple[bytes, str]:
    """Return a model file's bytes and its name for messages.

    Parameters
    ----------
    name_or_path : str
        As for `read_model`.

    Raises
    ------
    ModelError
        If the file cannot be read; names it.
    """
    if name_or_path == "default":
        return (files("gateway") / "models" / DEFAULT).read_bytes(), DEFAULT
    try:
        return Path(name_or_path).read_bytes(), name_or_path
    except OSError as error:
        raise ModelError(
            f"{name_or_path}: {error.strerror}; give the path of a model file, or "
            "'default' for the one that ships with the gateway"
        ) from error
