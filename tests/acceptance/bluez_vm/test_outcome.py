"""Cases on a stream that is made up, in virtual time."""

import asyncio
import json
import time
from contextlib import suppress

from tests.acceptance.bluez_vm.cases import Case, Lab, SideEffect
from tests.acceptance.bluez_vm.fault_cost import Message
from tests.acceptance.bluez_vm.machine import Guest
from tests.acceptance.bluez_vm.outcome import AGAIN_S, EPOCH_WAIT_S, inflict

UTC_FORMAT = "%Y-%m-%dT%H:%M:%S+00:00"


class MadeUpGuest:
    """Publishes an epoch every 30 s, with what was missing in it."""

    until = Guest.until

    def __init__(self):
        self.messages = []
        self.missing_s = 0.0
        self._wall_s = time.time()

    def hear(self, leaf, payload):
        now = asyncio.get_running_loop().time()
        self.messages.append(Message(now, f"sleepgate/{leaf}", payload, retained=False))

    def said(self, _since_t):
        return ["a warning"]

    async def publish(self):
        for index in range(1000):
            start_s = self._wall_s + asyncio.get_running_loop().time()
            await asyncio.sleep(30)
            lost_s, self.missing_s = self.missing_s, 0.0
            document = {
                "session": "a",
                "epoch": index,
                "start": time.strftime(UTC_FORMAT, time.gmtime(start_s)),
                "quality": {"missing_s": lost_s},
                "reason": "gap" if lost_s else None,
            }
            self.hear("bedroom/epoch", json.dumps(document))


async def after(case, *, online=True):
    """Let `case` happen to a stream of two minutes."""
    guest = MadeUpGuest()
    publishing = asyncio.create_task(guest.publish())
    if online:
        guest.hear("bedroom/availability", "online")
    await asyncio.sleep(125)
    try:
        return await inflict(Lab(guest, None, None), case)
    finally:
        publishing.cancel()
        with suppress(asyncio.CancelledError):
            await publishing


async def lose_12_s(lab):
    await asyncio.sleep(1)
    lab.guest.hear("bedroom/availability", "offline")
    await asyncio.sleep(11)
    lab.guest.missing_s += 12
    lab.guest.hear("bedroom/availability", "online")


async def test_time_and_cost_of_a_fault_are_counted():
    outcome = await after(Case("away", "", lose_12_s))
    assert (outcome.again_s, outcome.lost_s) == (12, 12)
    assert outcome.refused == ("gap",)
    assert outcome.problem is None


async def test_what_was_wrong_beside_is_a_problem_though_it_streams_again():
    async def and_something_else(lab):
        await lose_12_s(lab)
        raise SideEffect("the lamp broke")

    outcome = await after(Case("away", "", and_something_else))
    assert (outcome.again_s, outcome.problem) == (12, "the lamp broke")


async def test_a_fault_that_nobody_notices_is_a_problem():
    async def nothing(_):
        pass

    outcome = await after(Case("away", "", nothing))
    assert outcome.again_s is None
    assert "nobody noticed" in outcome.problem
    assert (await after(Case("stream", "", nothing, noticed=False))).problem is None


async def test_a_stream_that_should_not_have_stopped_is_a_problem():
    outcome = await after(Case("blink", "", lose_12_s, noticed=False))
    assert "was offline" in outcome.problem


async def test_a_stream_that_does_not_come_back_is_a_problem():
    async def stop(lab):
        await asyncio.sleep(1)
        lab.guest.hear("bedroom/availability", "offline")

    began = asyncio.get_running_loop().time()
    outcome = await after(Case("drop", "", stop))
    assert "not streaming again" in outcome.problem
    assert outcome.said == ("a warning",)
    assert asyncio.get_running_loop().time() - began < AGAIN_S + EPOCH_WAIT_S + 125


async def test_no_case_is_inflicted_on_a_stream_that_is_none():
    outcome = await after(Case("drop", "", lose_12_s), online=False)
    assert "the case before" in outcome.problem
