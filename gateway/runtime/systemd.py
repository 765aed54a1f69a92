"""What systemd tells the daemon, and what it is told."""

import os
import socket


def notify(state: str) -> None:
    """Send `state`, e.g. ``"READY=1"``; nothing happens outside systemd.

    The protocol of sd_notify(3): one datagram to the socket in NOTIFY_SOCKET, a
    leading @ meaning the abstract namespace.
    """
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.connect(address)
        sender.sendall(state.encode())
