"""How far two scorings of the same nights agree: epoch by epoch, night by night."""
