"""A night whose recording is cut off, and what must be in the file all the same."""
