"""Notifications to systemd (sd_notify), and the watchdog's interval from it."""

import os
import socket
from contextlib import suppress


def notify(state: str) -> None:
    """Send `state`, e.g. ``"READY=1"``; nothing happens outside systemd.

    The protocol of sd_notify(3): one datagram to the socket in NOTIFY_SOCKET, a
    leading @ meaning the abstract namespace. It never waits: who does not read what
    was said before misses this, and the night goes on.
    """
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender,
        suppress(BlockingIOError),
    ):
        sender.connect(address)
        sender.send(state.encode(), socket.MSG_DONTWAIT)
