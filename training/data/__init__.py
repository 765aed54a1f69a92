"""Training data: folders of real recordings and their labels."""
