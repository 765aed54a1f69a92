"""Terminal: options, output and views that the commands share."""
