"""Evaluation: scores of whole nights, intervals, peers."""
