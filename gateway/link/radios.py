"""Which radio the configuration asks for."""

from importlib import import_module
from typing import Literal

from gateway.errors import ConfigError, MissingExtraError
from gateway.link.bleak_radio import Backend, BleakRadio

NEED_A_PLACE = {"", "serial", "tcp-client", "udp", "unix", "usb", "ws-client"}


def open_radio(
    kind: Literal["bluez", "simulated"],
    *,
    address: str | None = None,
    transport: str | None = None,
    adapter: str | None = None,
) -> BleakRadio:
    """Make a radio; nothing is touched before it is used.

    Parameters
    ----------
    kind : {"bluez", "simulated"}
    address : str or None
        Of the one headband to connect to; None for the first that fits.
    transport : str or None
        bumble's name of an HCI transport, for ``"simulated"``.
    adapter : str or None
        E.g. ``"hci1"``, for ``"bluez"``.

    Raises
    ------
    ConfigError
        If ``"simulated"`` has no transport, or half of one.
    MissingExtraError
        If ``"simulated"`` is asked for and bumble is not installed.
    """
    if kind == "bluez":
        return BleakRadio(address, adapter)
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
    backend: Backend = bumble.backend(transport)
    return BleakRadio(address, backend=backend)
