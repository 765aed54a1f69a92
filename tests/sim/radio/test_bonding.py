"""A headband that demands pairing: refusals, bonds, lost bonds, passkeys."""

import asyncio
import logging
from contextlib import asynccontextmanager

import numpy as np
import pytest
from bumble import hci
from bumble.att import ATT_Error, ErrorCode
from bumble.core import UUID, ProtocolError
from bumble.device import Device, DeviceConfiguration, Peer
from bumble.pairing import PairingConfig, PairingDelegate

from gateway.acquisition.montage import Channel, Modality, Montage, Stream
from gateway.drivers import diy
from gateway.errors import ConfigError
from sim.devices.diy import DiyDevice
from sim.radio.peripheral import ADDRESS, headband
from sim.radio.security import Security
from sim.radio.virtual_link import VirtualLink

LSB_UV = float(np.float32(1e-7)) * 1e6
MONTAGE = Montage((Stream(100.0, (Channel("Fpz-Cz", Modality.EEG, LSB_UV),)),))
START = b"\x01\x01\x00\x00\x00"
DEMANDING = [Security.JUST_WORKS, Security.PASSKEY]


def device():
    night = np.arange(1000, dtype=np.int32)[None]
    return DiyDevice(MONTAGE, [night], boot_id=3)


class Person(PairingDelegate):
    """Sits before the central and reads the headband's display."""

    def __init__(self, io=PairingDelegate.DISPLAY_OUTPUT_AND_KEYBOARD_INPUT):
        super().__init__(io)
        self.mistake = 0
        self.band = None

    async def get_number(self):
        return (await self.band.bonding.passkeys.get() + self.mistake) % 10**6


class Central:
    """A Bluetooth host with a person before it; it keeps its bonds."""

    def __init__(self, host, person):
        self.host, self.person = host, person

    async def connect(self, band):
        self.person.band = band
        self.connection = await self.host.connect(hci.Address(ADDRESS))
        self.peer = Peer(self.connection)
        await self.peer.discover_all()

    def char(self, uuid):
        (char,) = self.peer.get_characteristics_by_uuid(UUID(uuid))
        return char

    async def use(self):
        """Do all that needs the headband's consent; return what was streamed."""
        values = asyncio.Queue()
        await self.char(diy.DATA).subscribe(values.put_nowait)
        info = diy.decode_info(await self.char(diy.INFO).read_value())
        await self.char(diy.CONTROL).write_value(START, with_response=True)
        return diy.decode(info, await values.get(), 0.0).counts


@asynccontextmanager
async def central_on(air, person):
    plug = air.plug()
    config = DeviceConfiguration(name="c", address=hci.Address("C0:00:00:00:00:02"))
    host = Device.from_config_with_hci(config, plug.source, plug.sink)
    host.pairing_config_factory = lambda _: PairingConfig(
        delegate=person, identity_address_type=PairingConfig.AddressType.RANDOM
    )
    await host.power_on()
    yield Central(host, person)
    await host.power_off()


@asynccontextmanager
async def meeting(security, keystore=None, person=None):
    air = VirtualLink()
    async with (
        headband(device(), air.plug(), security=security, keystore=keystore) as band,
        central_on(air, person or Person()) as central,
    ):
        await central.connect(band)
        yield band, central


async def refusal(request):
    with pytest.raises(ATT_Error) as caught:
        await request
    return caught.value.error_code


@pytest.mark.parametrize("security", DEMANDING)
async def test_before_pairing_nothing_is_read_written_or_subscribed_to(security):
    async with meeting(security) as (_, central):
        requests = [
            central.char(diy.INFO).read_value(),
            central.char("2A19").read_value(),
            central.char(diy.CONTROL).write_value(START, with_response=True),
            central.char(diy.DATA).subscribe(print),
        ]
        codes = {await refusal(request) for request in requests}
        assert codes == {ErrorCode.INSUFFICIENT_AUTHENTICATION}


@pytest.mark.parametrize("security", DEMANDING)
async def test_after_pairing_it_streams(security):
    async with meeting(security) as (_, central):
        await central.connection.pair()
        assert (await central.use())[0, 1] == 1


@pytest.mark.parametrize("security", DEMANDING)
@pytest.mark.parametrize("kept", [True, False])
async def test_a_bond_outlives_the_simulator_where_it_is_kept(security, kept, tmp_path):
    keystore = tmp_path / "bonds.json" if kept else None
    air = VirtualLink()
    async with central_on(air, Person()) as central:
        for restarted in (False, True):
            async with headband(
                device(), air.plug(), security=security, keystore=keystore
            ) as band:
                await central.connect(band)
                if not restarted:
                    await central.connection.pair()
                    await central.connection.disconnect()
                    await central.connect(band)
                    code = await refusal(central.char(diy.INFO).read_value())
                    assert code == ErrorCode.INSUFFICIENT_ENCRYPTION
                    await central.connection.encrypt()
                elif kept:
                    await central.connection.encrypt()
                else:
                    with pytest.raises(hci.HCI_Error, match="PIN_OR_KEY_MISSING"):
                        await central.connection.encrypt()
                    continue
                await central.use()


@pytest.mark.parametrize("how", ["deleted", "forgotten"])
async def test_a_lost_bond_is_missed_and_made_anew(how, tmp_path):
    keystore = tmp_path / "bonds.json"
    async with meeting(Security.JUST_WORKS, keystore) as (band, central):
        await central.connection.pair()
        await central.connection.disconnect()
        if how == "deleted":
            keystore.unlink()
        else:
            await band.bonding.forget()
        await central.connect(band)
        with pytest.raises(hci.HCI_Error, match="PIN_OR_KEY_MISSING"):
            await central.connection.encrypt()
        code = await refusal(central.char(diy.INFO).read_value())
        assert code == ErrorCode.INSUFFICIENT_AUTHENTICATION
        await central.connection.pair()
        await central.use()


async def test_the_display_shows_the_passkey(caplog):
    caplog.set_level(logging.INFO)
    async with meeting(Security.PASSKEY) as (_, central):
        await central.connection.pair()
    (shown,) = [r.message for r in caplog.records if "passkey" in r.message]
    assert shown.split()[-1].isdecimal()
    assert len(shown.split()[-1]) == 6


async def test_a_wrong_passkey_makes_no_bond():
    person = Person()
    person.mistake = 1
    async with meeting(Security.PASSKEY, person=person) as (_, central):
        with pytest.raises(ProtocolError):
            await central.connection.pair()
        code = await refusal(central.char(diy.INFO).read_value())
        assert code == ErrorCode.INSUFFICIENT_AUTHENTICATION


async def test_who_cannot_enter_a_passkey_is_not_paired_without_one():
    person = Person(PairingDelegate.NO_OUTPUT_NO_INPUT)
    async with meeting(Security.PASSKEY, person=person) as (_, central):
        with pytest.raises(ProtocolError, match="AUTHENTICATION_REQUIREMENTS"):
            await central.connection.pair()


async def test_a_headband_without_security_pairs_with_nobody_and_serves_anybody():
    async with meeting(Security.NONE) as (_, central):
        with pytest.raises(ProtocolError, match="PAIRING_NOT_SUPPORTED"):
            await central.connection.pair()
        await central.use()


async def test_a_keystore_that_is_none_is_named(tmp_path):
    keystore = tmp_path / "bonds.json"
    keystore.write_text("{nonsense")
    with pytest.raises(ConfigError, match=r"bonds\.json.*delete it"):
        async with headband(device(), VirtualLink().plug(), keystore=keystore):
            pytest.fail("advertises without bonds")
