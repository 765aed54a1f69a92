"""Both runtimes in one process, and TensorFlow as `python -m training train` has it.

Where TensorFlow was imported first, tflite-runtime refuses every model
("vector::reserve"); the other way round both work.
"""

import os
from importlib import import_module
from importlib.util import find_spec

if find_spec("tflite_runtime"):
    import_module("tflite_runtime.interpreter")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")  # see training/__main__.py
