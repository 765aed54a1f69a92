"""Session: one headband from its samples to scored epochs, resumed after a crash."""
