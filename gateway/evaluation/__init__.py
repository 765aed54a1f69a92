"""Agreement of two scorings of the same nights, by epoch and by night."""
