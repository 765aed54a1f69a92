"""Scan, connect and stream through bleak's own BlueZ backend."""

import pytest

pytestmark = pytest.mark.integration


async def test_a_headband_streams_and_nothing_is_lost(testbed):
    await testbed.headband()
    async with testbed.radio() as radio, testbed.listening(radio) as heard:
        await heard.samples(2000)
    assert heard.lost == 0
    assert heard.n_ups == 1
    assert not heard.downs
