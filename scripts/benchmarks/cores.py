"""The cores of Raspberry Pis, for arithmetic with instructions."""

from typing import NamedTuple


class Core(NamedTuple):
    """A core, and how many instructions it does a second in code like this.

    The clock is from the data sheet. The instructions per cycle are an assumption for
    interpreter loops, on the low side; nothing here was run on these cores.
    """

    name: str
    clock_hz: float
    per_cycle: float


CORES = (
    Core("Pi Zero 2 W (A53, 1.0 GHz, 0.6 a cycle)", 1.0e9, 0.6),
    Core("Pi 4 (A72, 1.5 GHz, 1.1 a cycle)", 1.5e9, 1.1),
)
