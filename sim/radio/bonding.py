"""Pairing as a headband does it, and the bonds it keeps."""

import asyncio
import logging
from collections.abc import Iterable
from pathlib import Path

from bumble import smp
from bumble.att import ATT_Error, AttributeValueV2, ErrorCode
from bumble.device import Connection
from bumble.device import Device as Host
from bumble.gatt import (
    GATT_CLIENT_CHARACTERISTIC_CONFIGURATION_DESCRIPTOR,
    Characteristic,
    Descriptor,
)
from bumble.keys import JsonKeyStore, MemoryKeyStore
from bumble.pairing import PairingConfig, PairingDelegate

from gateway.errors import ConfigError
from sim.radio.security import Security

log = logging.getLogger(__name__)


class Bonding:
    """The bonds of one headband.

    Parameters
    ----------
    host : Host
        Not yet powered on.
    security : Security
    keystore : Path or None
        JSON file that keeps the bonds; None: they end with the simulator.

    Attributes
    ----------
    passkeys : asyncio.Queue of int
        Shown on the display so far, for tests that play the person in front of it.

    Raises
    ------
    ConfigError
        If `keystore` holds no bonds.
    """

    def __init__(self, host: Host, security: Security, keystore: Path | None) -> None:
        self.passkeys: asyncio.Queue[int] = asyncio.Queue()
        self._host = host
        self._security = security
        name = str(host.static_address)
        host.keystore = JsonKeyStore(name, str(keystore)) if keystore else _Memory()
        host.irk = (bytes(host.static_address) * 3)[: len(host.irk)]  # zeros mean none
        match security:
            case Security.NONE:
                delegate = _PairsWithNobody()
            case Security.JUST_WORKS:
                delegate = PairingDelegate()
            case Security.PASSKEY:
                delegate = _Display(self.passkeys)
        config = PairingConfig(
            mitm=security is Security.PASSKEY,
            delegate=delegate,
            identity_address_type=PairingConfig.AddressType.RANDOM,
        )
        host.pairing_config_factory = lambda _: config
        host.smp_session_proxy = _Session

    async def check(self) -> None:
        """Look whether the keystore can be used; raises `ConfigError`."""
        try:
            await self._host.keystore.get_all()
        except (OSError, ValueError, AttributeError) as error:
            where = self._host.keystore.filename
            raise ConfigError(
                [f"keystore {where}: {error}; delete it to begin anew"]
            ) from error

    async def admit(self, connection: Connection) -> None:
        """Let an encrypted connection pass; raise `ATT_Error` on another.

        Source: Bluetooth Core 5.4, volume 3, part C, 10.3.1: who has a bond is told to
        encrypt, who has none to authenticate.
        """
        if self._security is Security.NONE or connection.is_encrypted:
            return
        bonded = await self._host.keystore.get(str(connection.peer_address))
        raise ATT_Error(
            ErrorCode.INSUFFICIENT_ENCRYPTION
            if bonded
            else ErrorCode.INSUFFICIENT_AUTHENTICATION
        )

    def protect(self, chars: Iterable[Characteristic]) -> None:
        """Refuse subscriptions to `chars` as `admit` refuses."""
        if self._security is Security.NONE:
            return
        notifies = Characteristic.Properties.NOTIFY | Characteristic.Properties.INDICATE
        for char in chars:
            if char.properties & notifies:
                char.descriptors = [self._subscription(char)]

    async def forget(self) -> None:
        """Lose every bond."""
        await self._host.keystore.delete_all()

    def _subscription(self, char: Characteristic) -> Descriptor:
        plain = self._host.gatt_server.make_descriptor_value(char)

        async def write(bearer: Connection, value: bytes) -> None:
            await self.admit(bearer)
            plain.write(bearer, value)

        return Descriptor(
            GATT_CLIENT_CHARACTERISTIC_CONFIGURATION_DESCRIPTOR,
            Descriptor.Permissions.READABLE | Descriptor.Permissions.WRITEABLE,
            AttributeValueV2(read=plain.read, write=write),
        )


class _Memory(MemoryKeyStore):  # type: ignore[misc] # bumble is untyped here
    """Bonds of this run; bumble's own cannot forget them."""

    async def delete_all(self) -> None:
        self.all_keys.clear()


class _PairsWithNobody(PairingDelegate):  # type: ignore[misc] # bumble is untyped here
    """Pairs with nobody."""

    async def accept(self) -> bool:
        return False


class _Display(PairingDelegate):  # type: ignore[misc] # bumble is untyped here
    """A display of six digits and no key."""

    def __init__(self, passkeys: asyncio.Queue[int]) -> None:
        super().__init__(PairingDelegate.DISPLAY_OUTPUT_ONLY)
        self._passkeys = passkeys

    async def display_number(self, number: int, digits: int) -> None:
        log.info("the headband's display shows the passkey %0*d", digits, number)
        self._passkeys.put_nowait(number)


class _Session(smp.Session):  # type: ignore[misc] # bumble is untyped here
    """Pairs as demanded or not at all; bumble's would settle for less."""

    def on_smp_pairing_request_command(
        self, command: smp.SMP_Pairing_Request_Command
    ) -> None:
        keyboard = command.io_capability in (
            smp.IoCapability.KEYBOARD_ONLY,
            smp.IoCapability.KEYBOARD_DISPLAY,
        )
        if not command.auth_req & smp.AuthReq.SC or (self.mitm and not keyboard):
            self.send_pairing_failed(smp.ErrorCode.AUTHENTICATION_REQUIREMENTS)
        else:
            super().on_smp_pairing_request_command(command)
