"""Find a model file, the shipped one or the user's own, and load it."""

from importlib.resources import files
from pathlib import Path

from gateway.errors import ModelError
from gateway.staging.scorers.litert import LiteRtScorer, load

DEFAULT = "ulw-sleepnet-3ch-v1.tflite"


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
    if name_or_path == "default":
        shipped = files("gateway") / "models" / DEFAULT
        return load(shipped.read_bytes(), DEFAULT)
    try:
        package = Path(name_or_path).read_bytes()
    except OSError as error:
        raise ModelError(
            f"{name_or_path}: {error.strerror}; give the path of a model file, or "
            "'default' for the one that ships with the gateway"
        ) from error
    return load(package, name_or_path)
