"""Epochs to a hypnogram: score, refuse, count. Pure (inference is CPU, not IO)."""
