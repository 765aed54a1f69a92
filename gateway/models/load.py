"""Find a model file, the shipped one or the user's own, and load it."""

import platform
import sys
from importlib.util import find_spec

from gateway.errors import ModelError
from gateway.models.model_file import read_package
from gateway.models.trial import DeadlyModelError, Trial, try_package
from gateway.models.tried_models import is_tried, note_tried
from gateway.staging.model_card import unpack
from gateway.staging.runtimes import runtime_name
from gateway.staging.scorers.litert import Kernels, LiteRtScorer, load

SIXTY_FOUR_BITS = ("aarch64", "arm64", "x86_64")  # for which LiteRT has wheels
PACKAGED_WORKS = (
    "the packaged model works here: use `--model default`, or in the configuration "
    "`model: default`"
)
REPORT = "please report it with what `sleepgate version` prints"


def read_model(name_or_path: str) -> LiteRtScorer:
    """Load a model; one that is new to this machine is tried first, in a process apart.

    Parameters
    ----------
    name_or_path : str
        ``"default"`` for the one that ships with the gateway, otherwise the path
        of a file.

    Raises
    ------
    ModelError
        If the file cannot be read or is refused, or kills the runtime here; names it
        and, where it kills, the next step.
    """
    package, source = read_package(name_or_path)
    if not is_tried(package):
        unpack(package, source)
        try:
            try_package(package, source, [Kernels.FASTEST])
        except DeadlyModelError as error:
            raise _with_next_step(error, name_or_path) from error
        except OSError:  # no process to be had: it is tried the next time
            return load(package, source)
        note_tried(package)
    return load(package, source)


def try_model(name_or_path: str) -> Trial:
    """Let a model score in a process apart, as `try_package` does.

    Parameters
    ----------
    name_or_path : str
        As for `read_model`.

    Raises
    ------
    ModelError
        As of `read_model`; or if no process can be started.
    """
    package, source = read_package(name_or_path)
    try:
        trial = try_package(package, source)
    except DeadlyModelError as error:
        raise _with_next_step(error, name_or_path) from error
    except OSError as error:
        raise ModelError(f"{source}: no process to try it in: {error}") from error
    note_tried(package)
    return trial


def _with_next_step(error: DeadlyModelError, name_or_path: str) -> DeadlyModelError:
    return DeadlyModelError(f"{error}\nnext: {_next_step(name_or_path)}")


def _next_step(name_or_path: str) -> str:
    if name_or_path != "default":
        try:
            read_model("default")
        except ModelError:
            pass
        else:
            return PACKAGED_WORKS
    if (
        runtime_name().startswith("tflite-runtime")
        and platform.machine() in SIXTY_FOUR_BITS
        and find_spec("pip")
    ):
        other = f"{sys.executable} -m pip install 'ai-edge-litert>=2.1.6,<3'"
        return f"another runtime may run it: {other}; and {REPORT}"
    return REPORT
