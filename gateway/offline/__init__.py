"""Offline scoring of recordings and archives."""
