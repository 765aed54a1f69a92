"""What a simulated headband demands before it is read, written or subscribed to."""

from enum import Enum


class Security(Enum):
    """How a headband wants to be paired, by LE Secure Connections, with a bond.

    JUST_WORKS asks nobody; PASSKEY shows six digits that must be entered at the other
    end, as a headband with a display would.
    """

    NONE = "none"
    JUST_WORKS = "just-works"
    PASSKEY = "passkey"
