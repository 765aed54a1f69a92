"""Model file of a name or path: the one that ships, or the user's own."""

from pathlib import Path

from gateway.errors import ModelError

DEFAULT = "ulw-sleepnet-3ch-v4.tflite"
FOLDER = Path(__file__).parent


def read_package(name_or_path: str) -> tuple[bytes, str]:
    """Return a model file's bytes and its name for messages.

    Parameters
    ----------
    name_or_path : str
        ``"default"`` for the one that ships with the gateway, otherwise a path.

    Raises
    ------
    ModelError
        If the file cannot be read; names it.
    """
    if name_or_path == "default":
        return (FOLDER / DEFAULT).read_bytes(), DEFAULT
    try:
        return Path(name_or_path).read_bytes(), name_or_path
    except OSError as error:
        raise ModelError(
            f"{name_or_path}: {error.strerror}; give the path of a model file, or "
            "'default' for the one that ships with the gateway"
        ) from error
