"""Contact of an electrode with the skin, in three grades. Pure."""

from enum import Enum


class ContactState(Enum):
    """State of an electrode's contact; the value is its name in messages."""

    GOOD = "good"
    FAIR = "fair"
    OFF = "off"
