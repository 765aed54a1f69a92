"""A sink that lags or fails neither blocks the radio nor loses its place."""

import asyncio

from gateway.messages.feed import Feed


async def test_a_lagging_reader_loses_the_oldest_and_it_is_counted():
    feed = Feed[int](depth=3)
    for item in range(5):
        feed.put(item)
    feed.close()
    assert [item async for item in feed] == [2, 3, 4]
    assert feed.dropped == 2


async def test_a_reader_that_fails_over_an_item_gets_it_again():
    feed = Feed[int](depth=3)
    feed.put(1)
    feed.put(2)
    feed.close()
    async for item in feed:
        assert item == 1
        break
    assert [item async for item in feed] == [1, 2]


async def test_a_reader_waits_for_what_is_not_there_yet():
    feed = Feed[int](depth=3)
    asyncio.get_running_loop().call_later(5, feed.put, 7)
    asyncio.get_running_loop().call_later(6, feed.close)
    assert [item async for item in feed] == [7]
