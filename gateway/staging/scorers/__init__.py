"""Runtimes a model may be scored with, one module each."""
