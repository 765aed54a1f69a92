"""Processors of the Raspberry Pis that Sleepgate runs on, as QEMU calls them."""

from collections.abc import Iterator

# a model number of ARM's, and the instructions that Linux names
_ARMV8_0 = "fp asimd evtstrm aes pmull sha1 sha2 crc32 cpuid"
_ARMV8_2 = f"{_ARMV8_0} atomics fphp asimdhp asimdrdm lrcpc dcpop asimddp ssbs"
PROCESSORS = {
    "cortex-a53": ("0xd03", _ARMV8_0),  # Pi 3, Zero 2 W
    "cortex-a72": ("0xd08", _ARMV8_0),  # Pi 4
    "cortex-a76": ("0xd0b", _ARMV8_2),  # Pi 5
}
N_CORES = 4


def cpuinfo(processor: str) -> str:
    """Return what ``/proc/cpuinfo`` says on such a Pi.

    qemu-user shows the host's, and LiteRT 2.2 and later die of one of x86-64.
    """
    return "".join(map("".join, (_core(processor, n) for n in range(N_CORES))))


def _core(processor: str, number: int) -> Iterator[str]:
    part, features = PROCESSORS[processor]
    lines = {
        "processor": number,
        "BogoMIPS": "108.00",
        "Features": features,
        "CPU implementer": "0x41",
        "CPU architecture": 8,
        "CPU variant": "0x0",
        "CPU part": part,
        "CPU revision": 3,
    }
    yield from (f"{name}\t: {value}\n" for name, value in lines.items())
    yield "\n"
