"""The guest: a PC emulated by QEMU, and the words it exchanges with the host."""

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

from tests.acceptance.bluez_vm.fault_cost import Message

BOOT_S = 400.0
RUN_S = 120.0
LINE_BYTES = 2**22
# systemd's own status lines cost seconds on an emulated serial port
KERNEL_WORDS = (
    "root=/dev/vda rw console=ttyS0 systemd.show_status=0 loglevel=4 "
    "mitigations=off random.trust_cpu=on"
)


class GuestError(Exception):
    """The guest did not do what it should; says what."""


class JournalLine(NamedTuple):
    """One line of the guest's journal; `t` is its arrival, monotonic seconds here."""

    t: float
    unit: str
    priority: int
    text: str


class Guest:
    """The emulated machine.

    Parameters
    ----------
    images : Path
        Folder of ``disk.img``, ``vmlinuz`` and ``initrd.img``; the disk is written to.
    work : Path
        Folder for sockets and logs.
    hci : Path
        Socket behind which the controller of its adapter is.

    Attributes
    ----------
    messages : list of Message
        Heard on MQTT so far.
    journal : list of JournalLine
    """

    def __init__(self, images: Path, work: Path, hci: Path) -> None:
        self.messages: list[Message] = []
        self.journal: list[JournalLine] = []
        self._images, self._work, self._hci = images, work, hci
        self._socket = work / "witness.sock"
        self._log = (work / "witness.jsonl").open("a", buffering=1)
        self._server: asyncio.Server | None = None
        self._qemu: asyncio.subprocess.Process | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._answers: dict[int, asyncio.Future[tuple[int, str]]] = {}
        self._numbers = count(1)
        self._up = asyncio.Event()

    async def boot(self) -> None:
        """Switch the machine on, and wait until its witness speaks.

        Raises
        ------
        GuestError
            If it does not within `BOOT_S`, or ends; names its logs.
        """
        if self._server is None:
            self._server = await asyncio.start_unix_server(
                self._serve, self._socket, limit=LINE_BYTES
            )
        self._up.clear()
        with (self._work / "qemu.log").open("a") as log:
            self._qemu = await asyncio.create_subprocess_exec(
                *self._command(), stdin=asyncio.subprocess.DEVNULL, stderr=log
            )
        up = asyncio.create_task(self._up.wait())
        ended = asyncio.create_task(self._qemu.wait())
        await asyncio.wait(
            {up, ended}, timeout=BOOT_S, return_when=asyncio.FIRST_COMPLETED
        )
        spoke, how = (
            up.done(),
            "ended" if ended.done() else f"silent for {BOOT_S:.0f} s",
        )
        for task in (up, ended):
            task.cancel()
        if spoke:
            return
        raise GuestError(f"no boot, {how}: see console.log, qemu.log in {self._work}")

    async def run(self, command: str, timeout_s: float = RUN_S) -> str:
        """Run a shell command as root and return what it printed.

        Raises
        ------
        GuestError
            If it fails, or takes longer than `timeout_s`.
        """
        rc, out = await self.attempt(command, timeout_s)
        if rc:
            raise GuestError(f"{command}: exit status {rc}: {out.strip()[-500:]}")
        return out

    async def attempt(self, command: str, timeout_s: float = RUN_S) -> tuple[int, str]:
        """Run a shell command as root; return its exit status and what it printed."""
        if self._writer is None:
            raise GuestError(f"{command}: nobody there to run it")
        number = next(self._numbers)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        request = json.dumps({"id": number, "run": command})
        self._writer.write(request.encode() + b"\n")
        try:
            async with asyncio.timeout(timeout_s):
                return await answer
        except TimeoutError:
            raise GuestError(f"{command}: not done in {timeout_s:.0f} s") from None
        finally:
            del self._answers[number]

    def tell(self, command: str) -> None:
        """Run a shell command whose end nobody will see, such as a reboot."""
        if self._writer is not None:
            request = json.dumps({"id": 0, "run": command})
            self._writer.write(request.encode() + b"\n")

    async def halted(self, timeout_s: float) -> None:
        """Wait until the machine has shut down, or asks to be started again."""
        if self._qemu is None:
            return
        try:
            async with asyncio.timeout(timeout_s):
                await self._qemu.wait()
        except TimeoutError:
            raise GuestError(f"does not go down within {timeout_s:.0f} s") from None

    async def cut(self) -> None:
        """Cut its power."""
        if self._qemu is not None:
            with suppress(ProcessLookupError):
                self._qemu.kill()
            await self._qemu.wait()

    async def close(self) -> None:
        """Cut its power and forget it."""
        await self.cut()
        if self._server is not None:
            self._server.close()
        self._log.close()

    def said(self, since_t: float, least: int = 4) -> list[str]:
        """Return what the daemon said, at priority `least` or graver, since then."""
        return [
            line.text
            for line in self.journal
            if line.t > since_t
            and line.unit == "sleepgate.service"
            and line.priority <= least
        ]

    async def until(
        self, done: Callable[[], bool], timeout_s: float, what: str
    ) -> None:
        """Wait until `done`; raises `GuestError` naming `what` after `timeout_s`."""
        end = asyncio.get_running_loop().time() + timeout_s
        while not done():
            if asyncio.get_running_loop().time() > end:
                raise GuestError(f"in vain for {timeout_s:.0f} s: {what}")
            await asyncio.sleep(0.1)

    def _command(self) -> list[str]:
        disk, console = self._images / "disk.img", self._work / "console.log"
        return [
            *("qemu-system-x86_64", "-accel", "tcg,thread=multi,tb-size=512"),
            *("-cpu", "max", "-M", "q35", "-smp", "2", "-m", "1536"),
            *("-display", "none", "-nodefaults", "-no-reboot"),
            *("-kernel", str(self._images / "vmlinuz")),
            *("-initrd", str(self._images / "initrd.img"), "-append", KERNEL_WORDS),
            *("-drive", f"file={disk},format=raw,if=virtio"),
            *("-chardev", f"file,id=console,path={console},append=on"),
            *("-serial", "chardev:console", "-device", "virtio-serial-pci"),
            *_port("hci", self._hci),
            *_port("witness", self._socket),
        ]

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._writer = writer
        async for line in reader:
            now = asyncio.get_running_loop().time()
            with suppress(json.JSONDecodeError):  # cut by a power cut
                self._hear(now, json.loads(line))
            self._log.write(f"{now:.3f} {line.decode(errors='replace')}")
        writer.close()
        if self._writer is writer:
            self._writer = None
            self._up.clear()

    def _hear(self, now: float, said: dict[str, Any]) -> None:
        match said:
            case {"hello": _}:
                self._up.set()
            case {"mqtt": mqtt}:
                retained = bool(mqtt["retain"])
                payload = mqtt.get("payload") or ""
                self.messages.append(Message(now, mqtt["topic"], payload, retained))
            case {"journal": line}:
                unit = str(line.get("_SYSTEMD_UNIT") or "")
                priority = int(line.get("PRIORITY") or 6)
                text = str(line.get("MESSAGE"))
                self.journal.append(JournalLine(now, unit, priority, text))
            case {"id": number, "rc": rc, "out": out}:
                answer = self._answers.get(number)
                if answer is not None and not answer.done():
                    answer.set_result((rc, out))


def _port(name: str, socket: Path) -> list[str]:
    return [
        *("-chardev", f"socket,id={name},path={socket}"),
        *("-device", f"virtserialport,chardev={name},name=sleepgate.{name}"),
    ]
