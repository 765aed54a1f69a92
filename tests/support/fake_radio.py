"""A radio that does as it is told, and a command line in virtual time."""

import asyncio
import sys
from contextlib import asynccontextmanager

import pytest

from gateway import __main__, drivers
from gateway.acquisition.packets import Notification
from gateway.ble.link_state import LinkEvent
from gateway.ble.notification_queue import NotificationQueue
from gateway.ble.radio import Advertisement, RadioConnection
from gateway.drivers import Read, Write
from gateway.errors import LinkError
from sim.device import DeviceSettings
from sim.devices import diy as device
from sim.night.synthetic_night import synthetic_night

ADDRESS = "F0:F1:F2:F3:F4:F5"
HERE = Advertisement(
    ADDRESS, "Sleepgate simulator", -50, (drivers.load("diy").service,)
)


class FakeRadio:
    """Hears what is in reach, and connects to a headband that plays a night.

    Parameters
    ----------
    in_reach : list of Advertisement
    fails : dict of str to LinkError
        What a method raises instead.
    after_s : float
        When the connection drops, if it drops.
    wants_bond : bool
    """

    def __init__(self, in_reach=(HERE,), *, after_s=None, wants_bond=False, **fails):
        self.in_reach = list(in_reach)
        self.closed = False
        self.forgotten = []
        self.connections = 0
        self._fails = fails
        self._after_s = after_s
        self._wants_bond = wants_bond

    def _may_fail(self, doing):
        if doing in self._fails:
            raise self._fails[doing]

    async def scan(self, kinds, seconds):
        self._may_fail("scan")
        await asyncio.sleep(seconds)
        return self.in_reach

    async def find(self, driver, address=None):
        self._may_fail("find")
        for seen in self.in_reach:
            if address in (None, seen.address):
                return seen
        raise LinkError(f"no {address} in reach within 20 s")

    @asynccontextmanager
    async def connect(
        self, seen, *candidates, bond="never", ask_passkey=None, on_event=lambda _: None
    ):
        self._may_fail("connect")
        self.connections += 1
        (driver,) = (each for each in candidates if each.name == "diy")
        if self._wants_bond and bond == "if_needed":
            on_event(LinkEvent.BOND_WANTED)
            on_event(LinkEvent.BONDED)
        recording, _ = synthetic_night(1, 1 / 60)
        played = device.device(recording, DeviceSettings())
        notifications = NotificationQueue()
        playing = asyncio.create_task(self._play(played, notifications))
        try:
            info = shaken(driver, played)
            yield RadioConnection(driver, info, notifications, self._wants_bond)
        finally:
            playing.cancel()

    async def _play(self, played, notifications):
        now_s = 0.0
        for frame in played.frames(0.0, 247):
            await asyncio.sleep(max(0.0, frame.due_s - now_s))
            now_s = max(now_s, frame.due_s)
            if self._after_s is not None and now_s > self._after_s:
                notifications.close("disconnected")
                return
            t_rx = asyncio.get_running_loop().time()
            notifications.put(Notification(frame.char, frame.payload, t_rx))

    async def unpair(self, address):
        self._may_fail("unpair")
        self.forgotten.append(address)

    async def bonds(self):
        self._may_fail("bonds")
        return [ADDRESS] if self._wants_bond else []

    async def close(self):
        self.closed = True


def shaken(driver, played):
    """Shake hands with the device that is played."""
    handshake, answer = driver.handshake(), None
    try:
        while True:
            match handshake.send(answer):
                case Read(char):
                    answer = played.read(char, 0.0)
                case Write(char, payload):
                    played.write(char, payload, 247, 0.0)
                    answer = b""
    except StopIteration as done:
        return done.value


@pytest.fixture
def radio_is(monkeypatch):
    """Have every command use this radio."""

    def use(radio):
        monkeypatch.setattr("gateway.daemon.build.open_radio", lambda *_, **__: radio)
        return radio

    return use


@pytest.fixture
def in_process(monkeypatch, capsys, virtual_time):
    """Return a function: arguments -> exit code, stdout, stderr of the command."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["sleepgate", *map(str, arguments)])
        monkeypatch.setattr(asyncio, "run", virtual_time)
        try:
            __main__.main()
        except SystemExit as end:
            code = end.code or 0
        else:
            code = 0
        said = capsys.readouterr()
        return code, said.out, said.err

    return run
