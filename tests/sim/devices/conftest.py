"""A device and its driver, put together without a radio, in virtual time."""

from collections import deque
from math import inf

import pytest

from gateway.acquisition.packets import Notification
from gateway.drivers import Listen, Read, Write

MTU = 247


class Talk:
    """One connection; `notifications` holds whatever the device notified."""

    def __init__(self, device, mtu=MTU):
        self.device, self.mtu = device, mtu
        self.now_s = device.skip_s
        self.notifications = []
        self.hung_up = False
        self._unheard = deque()
        self._frames = iter(())
        self._next = None
        device.connected()

    def shake_hands(self, driver):
        """Drive the driver's handshake to its end; return what the device said."""
        handshake = driver.handshake()
        request = next(handshake)
        while True:
            try:
                request = handshake.send(self.answer(request))
            except StopIteration as done:
                return done.value

    def answer(self, request):
        match request:
            case Read(char):
                return self.device.read(char, self.now_s)
            case Write():
                return self._write(request)
            case Listen(char, timeout_s):
                until_s = self.now_s + timeout_s
                while (heard := self._hear(until_s)) is not None:
                    if heard.char == char:
                        return heard.payload
                self.now_s = until_s
                return b""

    def listen(self, seconds, keep_alive=None):
        """Let the device stream; write `keep_alive` as often as it says."""
        end_s = self.now_s + seconds
        due_s = self.now_s + keep_alive.every_s if keep_alive else inf
        while True:
            until_s = min(end_s, due_s)
            while self._hear(until_s) is not None:
                pass
            self.now_s = until_s
            if until_s == end_s:
                return
            self._write(keep_alive.write)
            due_s += keep_alive.every_s

    def decoded(self, driver, info):
        decoder = driver.decoder(info)
        return [value for n in self.notifications for value in decoder.feed(n)]

    def _write(self, write):
        reaction = self.device.write(write.char, write.payload, self.mtu, self.now_s)
        assert reaction.status == 0
        for char, payload in reaction.replies:
            self._notified(char, payload)
        if reaction.streaming is not None:
            self._next = None
            going = reaction.streaming
            self._frames = (
                self.device.frames(self.now_s, self.mtu) if going else iter(())
            )
        self.hung_up |= reaction.disconnect
        self.now_s += write.pause_s
        return b""

    def _hear(self, until_s):
        """Return the next notification by `until_s` that was not heard yet, if any."""
        if self._unheard:
            return self._unheard.popleft()
        if self._next is None:
            self._next = next(self._frames, None)
        if self._next is None or self._next.due_s > until_s:
            return None
        frame, self._next = self._next, None
        assert len(frame.payload) <= self.mtu - 3
        self.now_s = max(self.now_s, frame.due_s)
        self._notified(frame.char, frame.payload)
        return self._unheard.popleft()

    def _notified(self, char, payload):
        notification = Notification(char, payload, self.now_s)
        self.notifications.append(notification)
        self._unheard.append(notification)


@pytest.fixture
def talk():
    """Return a function: device -> `Talk` with it."""
    return Talk
