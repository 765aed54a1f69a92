"""Quantisation to int8 and the model package."""
