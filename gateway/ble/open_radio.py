"""Opening the radio that the configuration asks for."""

import sys
from collections.abc import Collection
from importlib import import_module
from pathlib import Path
from typing import Literal

from gateway.ble.adapter import Adapter
from gateway.ble.bleak_radio import BleakRadio
from gateway.errors import ConfigError, MissingExtraError

if sys.platform == "linux":
    from gateway.ble.bluez.adapter import BluezAdapter


def open_radio(
    kind: Literal["bluez", "simulated"],
    *,
    transport: str | None = None,
    bonds: Path | None = None,
    adapter: str | None = None,
    reserved: Collection[str] = (),
) -> BleakRadio:
    """Make the radio of one adapter; nothing is touched before it is used.

    Parameters
    ----------
    kind : {"bluez", "simulated"}
    transport : str or None
        bumble's name of an HCI transport, for ``"simulated"``.
    bonds : Path or None
        File that keeps the bonds, for ``"simulated"``; None: they end with the process.
    adapter : str or None
        E.g. ``"hci1"``, for ``"bluez"``.
    reserved : collection of str
        Addresses of headbands that have their own entry in the configuration.

    Raises
    ------
    ConfigError
        If ``"simulated"`` has no transport, or a misspelt one.
    MissingExtraError
        If ``"simulated"`` is asked for and bumble is not installed.
    """
    if kind == "bluez":
        return BleakRadio(
            adapter_name=adapter, adapter=_adapter(adapter), reserved=reserved
        )
    if transport is None:
        raise ConfigError(["ble.transport: a simulated radio needs one like unix:PATH"])
    try:
        import_module("gateway.ble.bumble.transport").check_name(transport)
        bumble = import_module("gateway.ble.bumble.backend")
    except ModuleNotFoundError as error:
        if error.name not in {"bumble", "usb1"}:
            raise
        raise MissingExtraError("sim", "a simulated radio") from error
    return BleakRadio(backend=bumble.backend(transport, bonds), reserved=reserved)


def _adapter(name: str | None) -> Adapter | None:
    """Return the adapter that this platform lets programs recover, if any."""
    if sys.platform != "linux":
        return None
    return BluezAdapter(name)
