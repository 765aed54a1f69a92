"""Surrogate epochs and nights with real statistics."""
