"""Configuration: its schema, its file, and edits that keep comments."""
