"""Both runtimes in one process.

Where TensorFlow was imported first, tflite-runtime refuses every model
("vector::reserve"); the other way round both work.
"""

from importlib import import_module
from importlib.util import find_spec

if find_spec("tflite_runtime"):
    import_module("tflite_runtime.interpreter")
