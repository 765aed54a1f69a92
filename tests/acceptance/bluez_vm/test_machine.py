"""The host's end against the guest's, and against a machine that misbehaves."""

import json
import stat
import sys
from pathlib import Path

import pytest

from tests.acceptance.bluez_vm import machine
from tests.acceptance.bluez_vm.machine import Guest, GuestError

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[3]
PEER = f"""#!{sys.executable}
import re, socket, sys
sys.path.insert(0, {str(ROOT)!r})
from tests.acceptance.bluez_vm.guest import witness
path = re.search(r"socket,id=witness,path=([^ ]+)", " ".join(sys.argv)).group(1)
port = socket.socket(socket.AF_UNIX)
port.connect(path)
"""
ONLINE = {"topic": "sleepgate/a/availability", "payload": "online", "retain": 0}
WARNING = {
    "_SYSTEMD_UNIT": "sleepgate.service",
    "PRIORITY": "4",
    "MESSAGE": "no headband",
}
WELL = f"""
import asyncio
def say(text):
    return ("sh", "-c", f"echo '{{text}}'; exec tail --pid=$PPID -f /dev/null")
witness.MQTT = say({json.dumps(ONLINE)!r})
witness.JOURNAL = say({json.dumps(WARNING)!r})
asyncio.run(witness.serve(port.detach()))
"""
CUT_SHORT = """
port.sendall(b'{"hello": {}}\\n{"mqtt": {"topic": "sle')
"""
SILENT_END = "sys.exit('no such kernel')"


@pytest.fixture
def start(tmp_path, monkeypatch):
    """Return a function: behaviour -> a guest whose QEMU behaves so."""
    programs = tmp_path / "bin"
    programs.mkdir()
    monkeypatch.setenv("PATH", str(programs), prepend=":")

    def make(behaviour):
        qemu = programs / "qemu-system-x86_64"
        qemu.write_text(PEER + behaviour)
        qemu.chmod(qemu.stat().st_mode | stat.S_IXUSR)
        return Guest(tmp_path, tmp_path, tmp_path / "hci.sock")

    return make


async def test_what_the_guest_hears_reads_and_answers_arrives(start):
    guest = start(WELL)
    try:
        await guest.boot()
        assert await guest.run("echo $((6 * 7))") == "42\n"
        assert await guest.attempt("echo no >&2; exit 3") == (3, "no\n")
        with pytest.raises(GuestError, match="exit status 1"):
            await guest.run("false")
        await guest.until(lambda: guest.messages, 10, "a message")
        assert guest.messages[0].payload == "online"
        await guest.until(lambda: guest.said(0.0), 10, "a warning")
        assert guest.said(0.0) == ["no headband"]
        assert guest.said(guest.journal[0].t) == []
    finally:
        await guest.close()


async def test_a_machine_that_dies_in_the_middle_of_a_word_has_reported_nothing(start):
    guest = start(CUT_SHORT)
    try:
        await guest.boot()
        await guest.halted(10)
        assert guest.messages == []
    finally:
        await guest.close()


async def test_a_machine_that_does_not_start_names_its_logs(start, tmp_path):
    guest = start(SILENT_END)
    try:
        with pytest.raises(GuestError, match=r"no boot, ended: see console\.log"):
            await guest.boot()
        assert "no such kernel" in (tmp_path / "qemu.log").read_text()
    finally:
        await guest.close()


async def test_patience_with_a_machine_and_with_a_command_ends(start, monkeypatch):
    monkeypatch.setattr(machine, "BOOT_S", 0.2)
    guest = start("import time; time.sleep(60)")
    try:
        with pytest.raises(GuestError, match="no boot, silent for 0 s"):
            await guest.boot()
        with pytest.raises(GuestError, match="in vain for 0 s: spring"):
            await guest.until(lambda: False, 0, "spring")
    finally:
        await guest.close()
