"""Answers what is asked over the control socket, from what the daemon says."""

import asyncio
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gateway import __version__, sinks
from gateway.control_socket.messages import (
    ControlRequest,
    answer_line,
    read_order,
    refusal_line,
)
from gateway.errors import RequestError
from gateway.formats.json_fields import utc_text
from gateway.formats.status_json import (
    DaemonStatus,
    DeviceStatus,
    OutputStatus,
    status_document,
)
from gateway.host.metrics import VitalsReader, clock_synchronised
from gateway.messages.control import BeginSession, Control, EndSession, Mark, MarkLights
from gateway.messages.feed import Feed
from gateway.messages.outputs import Reading, RecordingState

FRESH_S = 0.5  # the outputs are asked how they do no more often
CHANGE_S = 5.0  # a session begins or ends within this


@dataclass(frozen=True, slots=True)
class DaemonAccess:
    """What the handlers has to know of its daemon.

    Attributes
    ----------
    config : Path
        File of the configuration.
    devices : tuple of str
        Names of the headbands.
    disk : Path
        A folder on the disk that matters.
    """

    config: Path
    devices: tuple[str, ...]
    disk: Path


class ControlHandlers:
    """Hears how every headband does, and answers requests.

    Parameters
    ----------
    premises : DaemonAccess
    control : Control
        Carries out what is asked for, and knows how the outputs do.
    """

    def __init__(self, premises: DaemonAccess, control: Control) -> None:
        self._premises = premises
        self._control = control
        self._device_statuses = {name: DeviceStatus(name) for name in premises.devices}
        self._changed = asyncio.Condition()
        self._pulse = VitalsReader(premises.disk)
        self._began = time.monotonic(), datetime.now(UTC)
        self._outputs: list[OutputStatus] = []
        self._model: tuple[str, str] | None = None
        self._asked_s: float | None = None

    async def follow(self, feed: Feed[Reading]) -> None:
        """Hear readings until they end."""
        async for reading in feed:
            self._model = reading.model, reading.model_digest
            if reading.device in self._device_statuses:
                self._device_statuses[reading.device].hear(reading)
                async with self._changed:
                    self._changed.notify_all()

    async def answer(self, line: bytes) -> bytes:
        """Serve one request; a bad one is answered too."""
        try:
            return answer_line(await self._serve(read_order(line)))
        except RequestError as error:
            return refusal_line(error)

    async def _serve(self, order: ControlRequest) -> Mapping[str, Any]:
        if order.do == "status":
            return await self._status()
        device_status = self._device_statuses.get(order.device)
        if device_status is None:
            there = ", ".join(self._device_statuses)
            what = f"no headband is called {order.device!r:.40}; there is {there}"
            raise RequestError("no_device", what)
        match order.do:
            case "start":
                return await self._begin(device_status)
            case "stop":
                return await self._end(device_status)
            case "mark":
                return self._mark(device_status, Mark(device_status.name, order.text))
            case _:
                return self._mark(
                    device_status, MarkLights(device_status.name, off=order.off)
                )

    async def _begin(self, device_status: DeviceStatus) -> Mapping[str, Any]:
        already = _records(device_status)
        if not already:
            self._control.ask(BeginSession(device_status.name))
            await self._until(lambda: device_status.session is not None)
        return {
            "device": device_status.name,
            "session": device_status.session_name,
            "already": already,
        }

    async def _end(self, device_status: DeviceStatus) -> Mapping[str, Any]:
        already = not _records(device_status)
        if device_status.session is not None:
            self._control.ask(EndSession(device_status.name))
        if not already:
            await self._until(lambda: device_status.session is None)
        epochs = 0 if device_status.scored is None else device_status.scored.index + 1
        said = {
            "device": device_status.name,
            "session": device_status.session_name or None,
        }
        return {**said, "epochs": epochs, "already": already}

    def _mark(
        self, device_status: DeviceStatus, command: Mark | MarkLights
    ) -> Mapping[str, Any]:
        if device_status.session is None:
            name = device_status.name
            what = f"no session of {name} runs; sleepgate start {name}"
            raise RequestError("no_session", what)
        self._control.ask(command)
        now = utc_text(datetime.now(UTC))
        return {
            "device": device_status.name,
            "session": device_status.session_name,
            "at": now,
        }

    async def _until(self, reached: Callable[[], bool]) -> None:
        try:
            async with asyncio.timeout(CHANGE_S), self._changed:
                await self._changed.wait_for(reached)
        except TimeoutError:
            what = f"nothing changed within {CHANGE_S:.0f} s; see the daemon's log"
            raise RequestError("failed", what) from None

    async def _status(self) -> Mapping[str, Any]:
        premises, (t_began, began) = self._premises, self._began
        daemon = DaemonStatus(
            version=__version__,
            pid=os.getpid(),
            config=str(premises.config),
            model=self._model,
            started=began,
            uptime_s=time.monotonic() - t_began,
            vitals=self._pulse.take(),
            clock_synchronised=clock_synchronised(),
            restart_required=self._control.restart_required,
            config_problems=self._control.config_problems,
        )
        outputs = await self._outputs_now()
        device_statuses = list(self._device_statuses.values())
        return status_document(daemon, device_statuses, outputs, datetime.now(UTC))

    async def _outputs_now(self) -> list[OutputStatus]:
        now_s = time.monotonic()
        if self._asked_s is None or now_s - self._asked_s > FRESH_S:
            self._asked_s = now_s
            told = await self._control.standings()
            self._outputs = [
                OutputStatus(name, each.well, each.words, each.facts)
                for name, each in sorted(told.items())
                if name in sinks.names()  # others are the daemon's own affair
            ]
        return self._outputs


def _records(device_status: DeviceStatus) -> bool:
    """Tell whether a session runs; one that is announced waits for the headband."""
    session = device_status.session
    return session is not None and session.state is RecordingState.RECORDING
