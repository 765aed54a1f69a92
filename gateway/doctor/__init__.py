"""Look at everything a night depends on; change nothing."""
