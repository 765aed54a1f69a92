"""The morning's picture: one night on one page."""
