"""Synthetic nights: stages, EEG, electrodes."""
