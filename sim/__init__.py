"""A simulated headband: recordings played over a virtual or a real radio."""
