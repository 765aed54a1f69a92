"""Packets to microvolts on one sample grid for the whole night. Pure."""
