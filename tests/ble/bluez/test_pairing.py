"""A bond is made with the headband that is being paired, when it is, and kept."""

import asyncio

import pytest

from gateway import drivers
from gateway.errors import BondingError, LinkError, LostBondError
from sim.radio.security import Security

pytestmark = pytest.mark.integration

DIY = drivers.load("diy")


async def stream_once(radio, **options):
    """Connect and take a notification; tell whether a bond was made for it."""
    async with radio.connect(await radio.find(DIY), DIY, **options) as connection:
        await connection.notifications.get(2.0)
        return connection.bonded


async def pair(radio, ask_passkey=None):
    return await stream_once(radio, bond="if_needed", ask_passkey=ask_passkey)


async def test_a_headband_without_security_is_not_bonded_with(testbed):
    await testbed.headband()
    async with testbed.radio() as radio:
        assert not await pair(radio)
        assert await radio.bonds() == []


async def test_a_headband_that_just_works_is_bonded_with_once(testbed, address):
    await testbed.headband(security=Security.JUST_WORKS)
    async with testbed.radio() as radio:
        assert await pair(radio)
        assert await radio.bonds() == [address]
        assert not await stream_once(radio)
    assert not testbed.bluetoothd.agents


async def test_a_bond_is_used_all_night(testbed):
    band = await testbed.headband(security=Security.JUST_WORKS)
    async with testbed.radio() as radio:
        await pair(radio)
        async with testbed.listening(radio) as heard:
            await heard.samples(300)
            await band.disconnect()
            await heard.until(lambda heard: heard.n_ups == 2)
            await testbed.bluetoothd.kill()
            await testbed.bluetoothd.start()
            await heard.until(lambda heard: heard.n_ups == 3)
            await heard.samples(300)


async def test_the_passkey_on_the_headband_is_asked_for(testbed, address):
    band = await testbed.headband(security=Security.PASSKEY)
    asked = []

    async def ask(of):
        asked.append(of)
        return await band.bonding.passkeys.get()

    async with testbed.radio() as radio:
        assert await pair(radio, ask)
        assert await radio.bonds() == [address]
    assert asked == [address]


@pytest.mark.parametrize("answer", [None, 1_000_000, -1])
async def test_without_a_passkey_there_is_no_bond(testbed, answer):
    await testbed.headband(security=Security.PASSKEY)

    async def ask(_):
        return answer

    async with testbed.radio() as radio:
        with pytest.raises(LinkError):
            await pair(radio, ask)
        assert await radio.bonds() == []


async def test_a_wrong_passkey_makes_no_bond(testbed):
    band = await testbed.headband(security=Security.PASSKEY)

    async def ask(_):
        return (await band.bonding.passkeys.get() + 1) % 1_000_000

    async with testbed.radio() as radio:
        with pytest.raises(BondingError, match="passkey"):
            await pair(radio, ask)
        assert await radio.bonds() == []


@pytest.mark.parametrize("security", [Security.JUST_WORKS, Security.PASSKEY])
async def test_outside_pairing_mode_no_bond_is_made_and_the_next_step_is_reported(
    testbed, address, security
):
    await testbed.headband(security=security)
    async with testbed.radio() as radio:
        with pytest.raises(BondingError, match=f"sleepgate pair {address}"):
            await stream_once(radio)
        assert await radio.bonds() == []
    assert not testbed.bluetoothd.agents


async def test_a_bond_lost_by_the_headband_is_made_anew_only_in_pairing_mode(
    testbed, address
):
    band = await testbed.headband(security=Security.JUST_WORKS)
    async with testbed.radio() as radio:
        await pair(radio)
        await band.bonding.forget()
        with pytest.raises(LostBondError, match="pair it again"):
            await stream_once(radio)
        assert await radio.bonds() == [address]
        assert await pair(radio)
        assert not await stream_once(radio)


async def test_unpairing_removes_the_bond_and_what_was_known(testbed, address):
    await testbed.headband(security=Security.JUST_WORKS)
    async with testbed.radio() as radio:
        await pair(radio)
        await radio.unpair(address)
        assert await radio.bonds() == []
        await radio.unpair(address)  # nothing is left to remove
        assert await pair(radio)


async def test_cancelled_pairing_ends_pairing_mode(testbed):
    band = await testbed.headband(security=Security.PASSKEY)
    shown = asyncio.Event()

    async def ask(_):
        await band.bonding.passkeys.get()
        shown.set()
        await asyncio.Event().wait()

    async with testbed.radio() as radio:
        pairing = asyncio.create_task(pair(radio, ask))
        await shown.wait()
        pairing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await pairing
        assert await radio.bonds() == []
    assert not testbed.bluetoothd.agents
