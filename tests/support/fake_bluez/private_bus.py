"""A system bus of our own: Debian's dbus-daemon, which knows nobody but the test."""

import asyncio
import shutil
from contextlib import asynccontextmanager

CONFIG = """<!DOCTYPE busconfig
 PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path={socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
    {policy}
  </policy>
</busconfig>
"""
NO_RIGHTS = '<deny send_destination="org.bluez"/>'


def dbus_daemon():
    """Return its path, or None where it is not installed."""
    return shutil.which("dbus-daemon")


@asynccontextmanager
async def private_bus(folder, policy=""):
    """Run a bus; yield the address to put into DBUS_SYSTEM_BUS_ADDRESS."""
    socket, config = folder / "bus", folder / "bus.conf"
    config.write_text(CONFIG.format(socket=socket, policy=policy))
    daemon = await asyncio.create_subprocess_exec(
        dbus_daemon(),
        f"--config-file={config}",
        "--nofork",
        "--nopidfile",
        "--print-address",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        assert await daemon.stdout.readline()
        yield f"unix:path={socket}"
    finally:
        daemon.terminate()
        await daemon.wait()
