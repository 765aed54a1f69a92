"""TFLite runtimes that can score, the fastest first; none is imported here."""

from importlib import metadata
from importlib.util import find_spec

RUNTIMES = (
    ("ai-edge-litert", "ai_edge_litert.interpreter"),
    ("tflite-runtime", "tflite_runtime.interpreter"),
)


def runtime_name() -> str:
    """Return name and version of the interpreter, "none" without; import nothing."""
    installed = (d for d, name in RUNTIMES if find_spec(name.partition(".")[0]))
    return next((f"{d} {metadata.version(d)}" for d in installed), "none")
