"""Values to bytes and lines of text that others read. Pure."""
