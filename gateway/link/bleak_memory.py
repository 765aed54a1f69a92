"""What bleak remembers of bluetoothd, and how it is made to forget."""

from bleak.backends.bluezdbus.manager import get_global_bluez_manager


async def forget_bluetoothd() -> None:
    """Have bleak drop its connection to D-Bus, and all that hangs on it.

    bleak goes on believing what a bluetoothd that died told it last: its headband is
    still connected, so no connection is made. And a scan whose start was given up
    while bluetoothd hung belongs to bleak's connection to D-Bus; until that ends, each
    further one is refused as InProgress. Every connection of this process counts as
    lost afterwards.
    """
    manager = await get_global_bluez_manager()
    bus = manager._bus  # noqa: SLF001 - bleak has no public way; test_bleak_canary looks
    if bus is not None:
        bus.disconnect()
