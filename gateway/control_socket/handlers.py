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
from gateway.formats.epoch_json import utc_text
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
    """What the desk has to know of its daemon.

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
        self._seats = {name: DeviceStatus(name) for name in premises.devices}
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
            if reading.device in self._seats:
                self._seats[reading.device].hear(reading)
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
        seat = self._seats.get(order.device)
        if seat is None:
            there = ", ".join(self._seats)
            what = f"no headband is called {order.device!r:.40}; there is {there}"
            raise RequestError("no_device", what)
        match order.do:
            case "start":
                return await self._begin(seat)
            case "stop":
                return await self._end(seat)
            case "mark":
                return self._mark(seat, Mark(seat.name, order.text))
            case _:
                return self._mark(seat, MarkLights(seat.name, off=order.off))

    async def _begin(self, seat: DeviceStatus) -> Mapping[str, Any]:
        already = _records(seat)
        if not already:
            self._control.ask(BeginSession(seat.name))
            await self._until(lambda: seat.session is not None)
        return {"device": seat.name, "session": seat.session_name, "already": already}

    async def _end(self, seat: DeviceStatus) -> Mapping[str, Any]:
        already = not _records(seat)
        if seat.session is not None:
            self._control.ask(EndSession(seat.name))
        if not already:
            await self._until(lambda: seat.session is None)
        epochs = 0 if seat.scored is None else seat.scored.index + 1
        said = {"device": seat.name, "session": seat.session_name or None}
        return {**said, "epochs": epochs, "already": already}

    def _mark(
        self, seat: DeviceStatus, command: Mark | MarkLights
    ) -> Mapping[str, Any]:
        if seat.session is None:
            what = f"no session of {seat.name} runs; sleepgate start {seat.name}"
            raise RequestError("no_session", what)
        self._control.ask(command)
        now = utc_text(datetime.now(UTC))
        return {"device": seat.name, "session": seat.session_name, "at": now}

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
        seats = list(self._seats.values())
        return status_document(daemon, seats, outputs, datetime.now(UTC))

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


def _records(seat: DeviceStatus) -> bool:
    """Tell whether a session runs; one that is announced waits for the headband."""
    session = seat.session
    return session is not None and session.state is RecordingState.RECORDING
