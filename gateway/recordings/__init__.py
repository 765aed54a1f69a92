"""Nights that are already over: read from files, to be replayed or scored."""
