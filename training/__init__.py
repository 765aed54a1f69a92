"""Make the model that ships: surrogate epochs, training, int8 export, evaluation.

Runs in its own environment (the extra ``training``), never in the daemon. What the
daemon computes before the network, `band_limit` and `compress`, is imported from
the gateway and so cannot differ.
"""
