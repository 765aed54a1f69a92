"""Our Agent1 answers for one headband while it is paired, and for nobody else."""

import asyncio

import pytest

from gateway.ble.bluez.agent import PairingAgent
from gateway.errors import AdapterError

pytestmark = pytest.mark.integration

OURS = "F0:F1:F2:F3:F4:F5"
QUESTIONS = [
    ("RequestPasskey", "", ()),
    ("RequestAuthorization", "", ()),
    ("RequestConfirmation", "u", (123456,)),
    ("AuthorizeService", "s", ("1812",)),
    ("DisplayPasskey", "uq", (123456, 0)),
    ("RequestPinCode", "", ()),
    ("DisplayPinCode", "s", ("0000",)),
]


async def passkey(_):
    return 123456


def asked(testbed, address=OURS):
    """Return the agent that bluetoothd would ask about a device."""
    return testbed.bluetoothd.agent(f"/org/bluez/hci0/dev_{address.replace(':', '_')}")


@pytest.mark.parametrize(("member", "signature", "body"), QUESTIONS)
async def test_any_other_device_is_refused(testbed, member, signature, body):
    refused = []
    async with PairingAgent(OURS, passkey, refused.append):
        agent = asked(testbed, "F0:F1:F2:F3:F4:00")
        assert await agent.ask(member, signature, *body) is None
    assert refused == ["F0:F1:F2:F3:F4:00"]


@pytest.mark.parametrize(("member", "signature", "body"), QUESTIONS)
async def test_an_agent_for_nobody_refuses_everybody(testbed, member, signature, body):
    refused = []
    async with PairingAgent("", refused=refused.append):
        assert await asked(testbed).ask(member, signature, *body) is None
    assert refused == [OURS]


async def test_the_headband_being_paired_gets_what_it_needs(testbed):
    async with PairingAgent(OURS.lower(), passkey) as pairing:
        assert not pairing.was_asked
        agent = asked(testbed)
        assert agent.capability == "KeyboardOnly"
        assert await agent.ask("RequestPasskey") == 123456
        assert await agent.ask("RequestAuthorization")
        assert await agent.ask("AuthorizeService", "s", "1812")
        assert pairing.was_asked


@pytest.mark.parametrize("member", ["RequestConfirmation", "DisplayPasskey"])
async def test_what_nobody_can_see_is_not_confirmed(testbed, member):
    body = {"RequestConfirmation": ("u", 1), "DisplayPasskey": ("uq", 1, 0)}[member]
    async with PairingAgent(OURS, passkey):
        assert await asked(testbed).ask(member, *body) is None


async def test_without_a_person_no_passkey_is_given(testbed):
    async with PairingAgent(OURS):
        agent = asked(testbed)
        assert agent.capability == "NoInputNoOutput"
        assert await agent.ask("RequestPasskey") is None


@pytest.mark.parametrize("member", ["Cancel", "Release"])
async def test_a_question_that_is_void_is_no_longer_asked(testbed, member):
    began, ended = asyncio.Event(), asyncio.Event()

    async def ask(_):
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with PairingAgent(OURS, ask):
        answer = asyncio.create_task(asked(testbed).ask("RequestPasskey"))
        await began.wait()
        await asked(testbed).tell(member)
        assert await answer is None
        assert ended.is_set()


async def test_the_agent_is_there_in_pairing_mode_only(testbed):
    assert asked(testbed) is None
    async with PairingAgent(OURS):
        assert asked(testbed) is not None
    assert asked(testbed) is None


async def test_a_bluetoothd_started_anew_gets_the_agent_again(testbed, until):
    async with PairingAgent(OURS, passkey):
        for _ in range(2):
            await testbed.bluetoothd.kill()
            assert asked(testbed) is None
            await testbed.bluetoothd.start()
            await until(lambda: asked(testbed) is not None, "the agent")
            assert await asked(testbed).ask("RequestPasskey") == 123456


async def test_without_bluetoothd_there_is_no_pairing_mode(system_bus):
    with pytest.raises(AdapterError, match="systemctl enable --now bluetooth"):
        async with PairingAgent(OURS):
            pass


async def test_pairing_mode_ends_though_bluetoothd_hangs(testbed, monkeypatch):
    monkeypatch.setattr("gateway.ble.bluez.agent.LEAVE_S", 0.2)
    async with asyncio.timeout(5), PairingAgent(OURS):
        testbed.bluetoothd.freeze()
