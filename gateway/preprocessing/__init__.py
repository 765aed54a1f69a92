"""Blocks to epochs: derive, band-limit, resample, judge. Pure.

Every step works on the thirty seconds of one epoch and nothing else, so a lost
sample can change its own epoch only (docs/decisions/0002).
"""
