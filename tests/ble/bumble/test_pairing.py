"""Bonds: made by a person's leave, used by themselves, made anew when they are lost."""

from contextlib import asynccontextmanager

import numpy as np
import pytest

from gateway import drivers
from gateway.acquisition.montage import Channel, Modality, Montage, Stream
from gateway.ble.bleak_radio import BleakRadio
from gateway.ble.bumble.backend import backend
from gateway.ble.link_state import LinkEvent
from gateway.errors import BondingError, LostBondError
from sim.devices.diy import DiyDevice
from sim.radio.peripheral import ADDRESS, headband
from sim.radio.security import Security
from sim.radio.virtual_link import VirtualLink

DIY = drivers.load("diy")
MONTAGE = Montage((Stream(100.0, (Channel("Fpz-Cz", Modality.EEG, 0.1),)),))
DRIVERS = [drivers.load(name) for name in drivers.names()]


@asynccontextmanager
async def in_reach(security, air=None, bonds=None, keystore=None):
    """Yield a radio and a headband that demands `security`."""
    air = air or VirtualLink()
    device = DiyDevice(MONTAGE, [np.zeros((1, 60_000), np.int16)], boot_id=1)
    async with headband(
        device, air.plug(), security=security, keystore=keystore
    ) as band:
        radio = BleakRadio(backend=backend(air.plug, bonds))
        try:
            yield radio, band
        finally:
            await radio.close()


async def attempt(radio, **how):
    """Connect once and take a notification; return the connection."""
    seen = await radio.find(DIY)
    async with radio.connect(seen, *DRIVERS, **how) as connection:
        await connection.notifications.get(2)
        return connection


def entering(band, wrong=0):
    async def ask(address):
        assert address == ADDRESS
        return (await band.bonding.passkeys.get() + wrong) % 1_000_000

    return ask


async def test_who_wants_no_bond_gets_none():
    async with in_reach(Security.NONE) as (radio, _):
        assert not (await attempt(radio, bond="if_needed")).bonded
        assert await radio.bonds() == []


async def test_without_a_persons_leave_nobody_is_paired():
    async with in_reach(Security.JUST_WORKS) as (radio, _):
        with pytest.raises(BondingError, match="Insufficient Authentication"):
            await attempt(radio)
        assert await radio.bonds() == []


async def test_one_connection_finds_the_kind_bonds_and_streams():
    async with in_reach(Security.JUST_WORKS) as (radio, _):
        became = []
        connection = await attempt(radio, bond="if_needed", on_event=became.append)
        assert (connection.driver, connection.bonded) == (DIY, True)
        assert became == [
            *(
                LinkEvent.CONNECTED,
                LinkEvent.BOND_WANTED,
                LinkEvent.BONDED,
                LinkEvent.SUBSCRIBED,
            ),
        ]
        assert await radio.bonds() == [ADDRESS]


async def test_a_bond_is_used_from_then_on_without_leave():
    async with in_reach(Security.JUST_WORKS) as (radio, _):
        await attempt(radio, bond="if_needed")
        for _ in range(2):
            assert not (await attempt(radio)).bonded


async def test_a_bond_in_a_file_outlives_both_ends(tmp_path):
    gateway, band = tmp_path / "bonds.json", tmp_path / "headband.json"
    air = VirtualLink()
    for bond in ("if_needed", "never"):
        async with in_reach(Security.JUST_WORKS, air, gateway, band) as (radio, _):
            await attempt(radio, bond=bond)


async def test_the_passkey_that_the_headband_shows_is_asked_for():
    async with in_reach(Security.PASSKEY) as (radio, band):
        how = {"bond": "if_needed", "ask_passkey": entering(band)}
        assert (await attempt(radio, **how)).bonded
        assert not (await attempt(radio)).bonded


async def test_a_wrong_passkey_makes_no_bond():
    async with in_reach(Security.PASSKEY) as (radio, band):
        how = {"bond": "if_needed", "ask_passkey": entering(band, wrong=1)}
        with pytest.raises(BondingError, match="wrong passkey"):
            await attempt(radio, **how)
        assert await radio.bonds() == []


async def test_a_headband_with_a_passkey_wants_somebody_to_ask():
    async with in_reach(Security.PASSKEY) as (radio, _):
        with pytest.raises(BondingError):
            await attempt(radio, bond="if_needed")


async def test_a_lost_bond_waits_for_a_person():
    async with in_reach(Security.JUST_WORKS) as (radio, band):
        await attempt(radio, bond="if_needed")
        await band.bonding.forget()
        for _ in range(2):
            with pytest.raises(LostBondError, match="forgotten its bond"):
                await attempt(radio)
        assert await radio.bonds() == [ADDRESS]


async def test_a_lost_bond_is_made_anew_while_a_person_pairs():
    async with in_reach(Security.JUST_WORKS) as (radio, band):
        await attempt(radio, bond="if_needed")
        await band.bonding.forget()
        became = []
        again = await attempt(radio, bond="if_needed", on_event=became.append)
        assert again.bonded
        assert became == [LinkEvent.BOND_WANTED, LinkEvent.BONDED, LinkEvent.SUBSCRIBED]
        assert not (await attempt(radio)).bonded


async def test_after_unpair_the_headband_is_a_stranger():
    async with in_reach(Security.JUST_WORKS) as (radio, _):
        await attempt(radio, bond="if_needed")
        await radio.unpair(ADDRESS)
        assert await radio.bonds() == []
        with pytest.raises(BondingError):
            await attempt(radio)


async def test_unpairing_a_stranger_is_no_mistake():
    async with in_reach(Security.NONE) as (radio, _):
        await radio.unpair(ADDRESS)
