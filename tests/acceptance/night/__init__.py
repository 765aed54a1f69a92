"""A whole night with everything against it, and what is left of it in the morning."""
