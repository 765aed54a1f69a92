"""In the guest: carry HCI packets between /dev/vhci and a port to the host.

The kernel sees a Bluetooth adapter; its controller runs outside the machine, as the
chip of a real one does. Standard library alone: the guest has nothing else.
"""

import os
import sys
import threading
import time
from collections.abc import Iterator

VHCI, PORT = "/dev/vhci", "/dev/virtio-ports/sleepgate.hci"
CREATE = b"\xff\x00"  # an adapter, please; linux/drivers/bluetooth/hci_vhci.c
VENDOR = 0xFF
# type -> bytes of header after it, where the length stands, its bytes
# (Core 5.4, volume 4, parts A and E): command, ACL, SCO, event, ISO
HEADERS = {1: (3, 2, 1), 2: (4, 2, 2), 3: (3, 2, 1), 4: (2, 1, 1), 5: (4, 2, 2)}


def packets(buffer: bytearray) -> Iterator[bytes]:
    """Take every whole H4 packet off the front of `buffer`.

    Raises
    ------
    ValueError
        If what stands there is no packet: the stream is out of step.
    """
    while buffer:
        if buffer[0] not in HEADERS:
            raise ValueError(f"no HCI packet: {buffer[:8].hex()}")
        header, at, width = HEADERS[buffer[0]]
        if len(buffer) < 1 + header:
            return
        length = int.from_bytes(buffer[1 + at : 1 + at + width], "little")
        end = 1 + header + (length & 0x3FFF if buffer[0] == 5 else length)
        if len(buffer) < end:
            return
        yield bytes(buffer[:end])
        del buffer[:end]


def to_host(vhci: int, port: int) -> None:
    """Carry what the kernel says; one read is one packet."""
    while packet := os.read(vhci, 4096):
        if packet[0] != VENDOR:
            written = 0
            while written < len(packet):
                written += os.write(port, packet[written:])
    os._exit(1)


def main() -> None:
    """Make the adapter and serve it until the host's end is closed."""
    while not os.path.exists(PORT):  # noqa: PTH110 - as light as it can be
        time.sleep(0.1)
    port, vhci = os.open(PORT, os.O_RDWR), os.open(VHCI, os.O_RDWR)
    os.write(vhci, CREATE)
    threading.Thread(target=to_host, args=(vhci, port), daemon=True).start()
    buffer = bytearray()
    while received := os.read(port, 65536):
        buffer += received
        for packet in packets(buffer):
            os.write(vhci, packet)
    sys.exit("the host's end of the adapter is closed")


if __name__ == "__main__":
    main()
