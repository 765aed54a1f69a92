"""What can be tried: one module each, with a `SUBJECT`."""
