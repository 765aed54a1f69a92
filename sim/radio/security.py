"""Security that a simulated headband demands before it is read or written."""

from enum import Enum


class Security(Enum):
    """Pairing that a headband wants, by LE Secure Connections, with a bond.

    JUST_WORKS asks nobody; PASSKEY shows six digits that must be entered at the other
    end, as a headband with a display would.
    """

    NONE = "none"
    JUST_WORKS = "just-works"
    PASSKEY = "passkey"
