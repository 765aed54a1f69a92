"""Which radio the configuration asks for."""

from collections.abc import Collection
from importlib import import_module
from typing import Literal

from gateway.errors import ConfigError, MissingExtraError
from gateway.link.bleak_radio import BleakRadio

NEED_A_PLACE = {"", "serial", "tcp-client", "udp", "unix", "usb", "ws-client"}


def open_radio(
    kind: Literal["bluez", "simulated"],
    *,
    transport: str | None = None,
    adapter: str | None = None,
    reserved: Collection[str] = (),
) -> BleakRadio:
    """Make the radio of one adapter; nothing is touched before it is used.

    Parameters
    ----------
    kind : {"bluez", "simulated"}
    transport : str or None
        bumble's name of an HCI transport, for ``"simulated"``.
    adapter : str or None
        E.g. ``"hci1"``, for ``"bluez"``.
    reserved : collection of str
        Addresses of headbands that have their own place in the configuration.

    Raises
    ------
    ConfigError
        If ``"simulated"`` has no transport, or half of one.
    MissingExtraError
        If ``"simulated"`` is asked for and bumble is not installed.
    """
    if kind == "bluez":
        return BleakRadio(adapter=adapter, reserved=reserved)
    scheme, _, where = (transport or "").partition(":")
    if transport is None or (scheme in NEED_A_PLACE and not where):
        raise ConfigError(
            [f"transport {transport}: a simulated radio needs one like unix:/run/hci1"]
        )
    try:
        bumble = import_module("gateway.link.bumble_backend")
    except ModuleNotFoundError as error:
        if error.name != "bumble":
            raise
        raise MissingExtraError("sim", "a simulated radio") from error
    return BleakRadio(backend=bumble.backend(transport), reserved=reserved)
