"""Nothing received is lost on its way to the reader, and silence is noticed."""

import asyncio

import pytest

from gateway.acquisition.packets import Notification
from gateway.ble.notification_queue import NotificationQueue
from gateway.errors import LinkError


def note(n):
    return Notification("c", bytes([n]), float(n))


async def test_notifications_come_out_in_the_order_they_went_in():
    notifications = NotificationQueue()
    for n in range(5):
        notifications.put(note(n))
    assert [await notifications.get(1) for _ in range(5)] == [note(n) for n in range(5)]


async def test_what_was_received_before_the_end_is_still_read():
    notifications = NotificationQueue()
    notifications.put(note(1))
    notifications.close("disconnected")
    notifications.close("a second reason")
    notifications.put(note(2))
    assert await notifications.get(1) == note(1)
    with pytest.raises(LinkError, match=r"^disconnected$"):
        await notifications.get(1)


async def test_silence_ends_a_connection_after_stall_s():
    notifications, loop = NotificationQueue(), asyncio.get_running_loop()
    loop.call_later(1.9, notifications.put, note(1))
    assert await notifications.get(2) == note(1)
    began = loop.time()
    with pytest.raises(LinkError, match="nothing received for 2 s"):
        await notifications.get(2)
    assert loop.time() - began == pytest.approx(2)


async def test_a_reader_that_was_long_away_does_not_take_it_for_silence():
    notifications = NotificationQueue()
    notifications.put(note(1))
    await asyncio.sleep(60)
    assert await notifications.get(2) == note(1)


async def test_news_at_the_very_moment_of_the_timeout_are_no_silence():
    notifications, loop = NotificationQueue(), asyncio.get_running_loop()
    loop.call_later(2, notifications.put, note(1))
    taking = asyncio.create_task(notifications.get(2))
    assert await taking == note(1)


async def test_a_reader_that_never_comes_does_not_fill_the_memory():
    notifications = NotificationQueue(depth=3)
    for n in range(10):
        notifications.put(note(n))
    assert [await notifications.get(1) for _ in range(3)] == [note(n) for n in range(3)]
    with pytest.raises(LinkError, match="3 notifications are waiting"):
        await notifications.get(1)
