"""ULW-SleepNet and its context head in TensorFlow."""
