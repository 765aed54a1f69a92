"""In the guest: tell the host what is heard on MQTT and read in the journal.

Lines of JSON over a port: ``{"mqtt": ...}``, ``{"journal": ...}`` and, for each
``{"id": 1, "run": "shell command"}`` from the host, ``{"id": 1, "rc": 0, "out": ""}``.
Standard library alone: the guest has nothing else.
"""

import asyncio
import json
import os
import time
from typing import Any

PORT = "/dev/virtio-ports/sleepgate.witness"
MQTT = ("mosquitto_sub", "-t", "sleepgate/#", "-q", "1", "-F", "%j")
UNITS = ("sleepgate.service", "bluetooth.service", "vhci-bridge.service")
BY = ("_SYSTEMD_UNIT", "UNIT")  # what it says, what systemd says of it
JOURNAL = (
    *("journalctl", "-b", "-f", "-n", "all", "-o", "json", "_TRANSPORT=kernel"),
    *(word for unit in UNITS for by in BY for word in ("+", f"{by}={unit}")),
)
FIELDS = ("_SYSTEMD_UNIT", "PRIORITY", "MESSAGE", "__REALTIME_TIMESTAMP", "_PID")
LINE_BYTES = 2**22


class Host:
    """The line to the host."""

    def __init__(self, port: int) -> None:
        self._port = port

    def tell(self, **what: Any) -> None:
        """Write one line."""
        line = json.dumps(what).encode() + b"\n"
        while line:
            line = line[os.write(self._port, line) :]


async def follow(host: Host, kind: str, command: tuple[str, ...]) -> None:
    """Pass on what `command` prints, and start it again when it ends."""
    while True:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            limit=LINE_BYTES,
        )
        assert process.stdout is not None
        async for line in process.stdout:
            said = json.loads(line)
            if kind == "journal":
                said = {name: said.get(name) for name in FIELDS}
            host.tell(**{kind: said})
        await process.wait()
        await asyncio.sleep(1)


async def run(host: Host, request: dict[str, Any]) -> None:
    """Run a command for the host and tell how it ended."""
    process = await asyncio.create_subprocess_shell(
        request["run"],
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate()
    host.tell(id=request["id"], rc=process.returncode, out=out.decode(errors="replace"))


async def serve(port: int) -> None:
    """Serve the host until it hangs up."""
    host = Host(port)
    reader = asyncio.StreamReader(limit=LINE_BYTES)
    protocol = asyncio.StreamReaderProtocol(reader)
    source = os.fdopen(os.dup(port), "rb", buffering=0)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, source)
    os.set_blocking(port, True)  # asyncio changed the file that both share
    up_s = time.clock_gettime(time.CLOCK_BOOTTIME)
    host.tell(hello={"up_s": up_s, "kernel": os.uname().release})
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(follow(host, "mqtt", MQTT))
        tasks.create_task(follow(host, "journal", JOURNAL))
        async for line in reader:
            tasks.create_task(run(host, json.loads(line)))
        os._exit(1)


def main() -> None:
    """Wait for the port, then serve it."""
    while not os.path.exists(PORT):  # noqa: PTH110 - as light as it can be
        time.sleep(0.1)
    asyncio.run(serve(os.open(PORT, os.O_RDWR)))


if __name__ == "__main__":
    main()
