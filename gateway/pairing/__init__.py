"""Pairing: find a headband, bond, fit it, write it into the configuration."""
