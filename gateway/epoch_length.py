"""Length of one scored epoch."""

EPOCH_S = 30  # the AASM's: Manual for the Scoring of Sleep and Associated Events, 2.6
