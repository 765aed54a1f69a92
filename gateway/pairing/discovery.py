"""Which headbands are there: in reach, in the configuration, or in both."""

from collections.abc import Sequence

from gateway import drivers
from gateway.ble.bleak_radio import BleakRadio
from gateway.ble.radio import Advertisement
from gateway.config.schema import Config, DeviceConfig
from gateway.errors import ConfigError, LinkError
from gateway.reports.headband_list import FoundHeadband

SCAN_S = 10.0  # most headbands advertise several times a second


async def in_reach(
    radio: BleakRadio, config: Config, seconds: float = SCAN_S
) -> list[tuple[Advertisement, FoundHeadband]]:
    """Scan, and say of each headband what it may be and what it is called here.

    Raises
    ------
    LinkError
        If the radio fails.
    """
    found = await radio.scan(drivers.load_all(), seconds)
    return [(seen, _row(seen, config)) for seen in found]


def device_called(config: Config, name: str) -> DeviceConfig:
    """Return the headband of that name.

    Raises
    ------
    ConfigError
        If there is none; lists those there are.
    """
    for device in config.devices:
        if device.name == name:
            return device
    there = ", ".join(device.name for device in config.devices)
    what = f"there are {there}" if there else "there is none yet"
    raise ConfigError([f"no headband is called {name!r}; {what}"])


def device_at(config: Config, address: str) -> DeviceConfig | None:
    """Return the headband that has this address."""
    return next(
        (d for d in config.devices if d.address.upper() == address.upper()), None
    )


def only_one(found: Sequence[tuple[Advertisement, FoundHeadband]]) -> Advertisement:
    """Return the one headband that is not configured yet.

    Raises
    ------
    LinkError
        If there is none, or more than one.
    """
    new = [seen for seen, row in found if row.configured_as is None]
    if len(new) == 1:
        return new[0]
    if new:
        choice = "; ".join(f"{each.address} ({each.name or 'no name'})" for each in new)
        raise LinkError(
            f"{len(new)} headbands are in reach: {choice}\n"
            "next: name the one you mean, e.g. sleepgate pair " + new[0].address
        )
    if found:
        names = ", ".join(str(row.configured_as) for _, row in found)
        raise LinkError(
            f"the only headbands in reach are configured already: {names}\n"
            "next: switch the new one on, or pair one again with ADDR --replace"
        )
    raise nothing_in_reach()


def nothing_in_reach(what: str = "headband") -> LinkError:
    """Return the error for a scan in vain, with the next step."""
    return LinkError(
        f"no {what} in reach\n"
        "next: switch it on, take it off its charger, bring it within two metres, and "
        "end its connection to any phone (switch the phone's Bluetooth off)"
    )


def _row(seen: Advertisement, config: Config) -> FoundHeadband:
    device = device_at(config, seen.address)
    return FoundHeadband(
        address=seen.address,
        name=seen.name,
        rssi_dbm=seen.rssi_dbm,
        kinds=tuple(
            d.name for d in drivers.load_all() if d.may_be(seen.name, seen.services)
        ),
        configured_as=device.name if device else None,
        connected=seen.connected,
    )
