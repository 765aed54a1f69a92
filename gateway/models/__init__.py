"""Model packages: the shipped one, loading, and a trial run."""
