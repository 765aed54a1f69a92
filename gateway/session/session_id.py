"""Identifiers of nights, in the order of time."""

import secrets
import time

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def session_id() -> str:
    """Return a ULID: 48 bits of milliseconds, 80 of chance, 26 sortable characters.

    See the specification at github.com/ulid/spec.
    """
    number = time.time_ns() // 1_000_000 << 80 | secrets.randbits(80)
    return "".join(CROCKFORD[number >> shift & 31] for shift in range(125, -1, -5))
