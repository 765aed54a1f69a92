"""Handlers of the requests that come over the control socket."""

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
from gateway.fault_barrier import Edge
from gateway.formats.json_fields import utc_text
from gateway.formats.status_json import (
    DaemonStatus,
    OutputStatus,
    status_document,
)
from gateway.host.metrics import VitalsReader, clock_synchronised
from gateway.messages.control import BeginSession, Control, EndSession, Mark, MarkLights
from gateway.messages.device_state import DeviceState
from gateway.messages.feed import Feed
from gateway.messages.outputs import Reading, RecordingState

FRESH_S = 0.5  # the outputs are asked how they do no more often
CHANGE_S = 5.0  # a session begins or ends within this


@dataclass(frozen=True, slots=True)
class DaemonAccess:
    """Access of the handlers to their daemon.

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
    """Answers requests from the last known state of every headband.

    Parameters
    ----------
    premises : DaemonAccess
    control : Control
        Carries out what is asked for, and knows how the outputs do.
    """

    def __init__(self, premises: DaemonAccess, control: Control) -> None:
        self._premises = premises
        self._control = control
        self._states = {name: DeviceState(device=name) for name in premises.devices}
        self._changed = asyncio.Condition()
        self._pulse = VitalsReader(premises.disk)
        self._began = time.monotonic(), datetime.now(UTC)
        self._outputs: list[OutputStatus] = []
        self._model: tuple[str, str] | None = None
        self._asked_s: float | None = None

    async def follow(self, feed: Feed[Reading]) -> None:
        """Keep the state of every headband up to date until `feed` ends."""
        async for reading in feed:
            self._model = reading.model, reading.model_digest
            with self._control.faults.at(Edge.OUTPUT, "control"):
                if (state := self._states.get(reading.device)) is not None:
                    self._states[reading.device] = state.add(reading)
                    async with self._changed:
                        self._changed.notify_all()

    async def answer(self, line: bytes) -> bytes:
        """Serve one request; a bad one is answered too."""
        try:
            with self._control.faults.at(
                Edge.CONTROL_CLIENT, repr(line), RequestError
            ) as guard:
                return answer_line(await self._serve(read_order(line)))
        except RequestError as error:
            return refusal_line(error)
        return refusal_line(RequestError("failed", f"unexpected error: {guard.fault}"))

    async def _serve(self, order: ControlRequest) -> Mapping[str, Any]:
        if order.do == "status":
            return await self._status()
        device = order.device
        if device not in self._states:
            there = ", ".join(self._states)
            what = f"no headband is called {order.device!r:.40}; there is {there}"
            raise RequestError("no_device", what)
        match order.do:
            case "start":
                return await self._begin(device)
            case "stop":
                return await self._end(device)
            case "mark":
                return self._mark(device, Mark(device, order.text))
            case _:
                return self._mark(device, MarkLights(device, off=order.off))

    async def _begin(self, device: str) -> Mapping[str, Any]:
        already = _is_recording(self._states[device])
        if not already:
            self._control.ask(BeginSession(device))
            await self._until(lambda: self._states[device].running_session is not None)
        session = self._states[device].session
        return {"device": device, "session": session, "already": already}

    async def _end(self, device: str) -> Mapping[str, Any]:
        already = not _is_recording(self._states[device])
        if self._states[device].running_session is not None:
            self._control.ask(EndSession(device))
        if not already:
            await self._until(lambda: self._states[device].running_session is None)
        state = self._states[device]
        return {
            "device": device,
            "session": state.session or None,
            "epochs": 0 if state.epoch is None else state.epoch.index + 1,
            "already": already,
        }

    def _mark(self, device: str, command: Mark | MarkLights) -> Mapping[str, Any]:
        state = self._states[device]
        if state.running_session is None:
            what = f"no session of {device} runs; sleepgate start {device}"
            raise RequestError("no_session", what)
        self._control.ask(command)
        now = utc_text(datetime.now(UTC))
        return {"device": device, "session": state.session, "at": now}

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
            faults=self._control.faults.faults,
        )
        outputs = await self._outputs_now()
        states = list(self._states.values())
        return status_document(daemon, states, outputs, datetime.now(UTC))

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


def _is_recording(state: DeviceState) -> bool:
    """Return whether samples are recorded; an announced session only waits for them."""
    session = state.running_session
    return session is not None and session.state is RecordingState.RECORDING
