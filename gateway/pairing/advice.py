"""Advice on a radio that fails, the same for every verb."""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from gateway.config.schema import BleConfig
from gateway.errors import AdapterError, BondingError, LinkError, LostBondError

if sys.platform == "linux":
    from gateway.ble.bluez.diagnosis import diagnose

NEXT = "\nnext: "
SWITCH_ON = "bring the headband closer, see that it is on and charged, and try again"
PAIRING_MODE = (
    "put the headband into pairing mode, see that no phone holds it, and pair: "
    "sleepgate pair ADDR --replace; if it shows six digits, type them when asked"
)
FORGOTTEN = "make a new bond: sleepgate pair ADDR --replace"
SIMULATED = (
    "start the air (python -m sim), or name its --transport; if a daemon or another "
    "command holds that radio, end it first"
)
BLUEZ = "see `bluetoothctl show`; `sudo systemctl restart bluetooth` often helps"


@contextmanager
def next_step_said(ble: BleConfig) -> Iterator[None]:
    """Add the next step to a `LinkError` that does not name one yet.

    An adapter that fails is looked at first: why there is no Bluetooth says more than
    what failed because of it.
    """
    try:
        yield
    except LinkError as error:
        if NEXT in str(error):
            raise
        why = None
        if isinstance(error, AdapterError) and ble.backend == "bluez":
            why = _diagnosed(ble)
        words = why or f"{error}{NEXT}{_next_step(error, ble)}"
        raise type(error)(words) from error


def _diagnosed(ble: BleConfig) -> str | None:
    if sys.platform != "linux":
        return None
    reason = asyncio.run(diagnose(ble.adapter))
    return reason and f"{reason.what}{NEXT}{reason.step}"


def _next_step(error: LinkError, ble: BleConfig) -> str:
    match error:
        case LostBondError():
            return FORGOTTEN
        case BondingError():
            return PAIRING_MODE
        case AdapterError():
            return SIMULATED if ble.backend == "simulated" else BLUEZ
        case _:
            return SWITCH_ON
