"""The journal lane: what the broker is owed goes out in order, a few at a time."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from gateway.errors import JournalError
from gateway.fault_barrier import Edge, FaultBarrier
from gateway.journal.entry import Entry
from gateway.journal.journal import Journal
from gateway.mqtt.client import MqttClient
from gateway.mqtt.client_events import Message
from gateway.mqtt.connection import Receipt

log = logging.getLogger(__name__)

LOOK_S = 10.0  # another process may have asked for a replay
AGAIN_S = 5.0  # after a failing disk or a refusal
REFUSED_S = 60.0  # after many refusals


class JournalPublisher:
    """Publishes the entries that no broker has acknowledged.

    What is on its way when the connection is lost is sent again by the client; what
    the broker refuses, or was on its way when the daemon died, is sent again from
    the journal. A consumer may therefore see an entry twice, never not at all.

    Parameters
    ----------
    journal : Journal
    client : MqttClient
    write : callable
        Makes an entry's message, at the moment it goes out.
    on_sent : callable
        Called with each message that went out.
    faults : FaultBarrier
    """

    def __init__(
        self,
        journal: Journal,
        client: MqttClient,
        write: Callable[[Entry], Message],
        on_sent: Callable[[Message], None],
        faults: FaultBarrier,
    ) -> None:
        self._on_sent, self._faults = on_sent, faults
        self._journal = journal
        self._client = client
        self._write = write
        self._flying: dict[Receipt, int] = {}
        self._after = -1  # what was refused lets others pass before it is tried again
        self._again_s = AGAIN_S
        self._idle = asyncio.Event()

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            if not self._flying:
                await self._client.ready()
            try:
                await self._send()
                await self._settle()
            except JournalError as error:
                log.debug("journal lane: %s", error)
                await asyncio.sleep(AGAIN_S)

    async def drained(self, timeout_s: float) -> bool:
        """Wait until nothing is owed; False if that takes longer than `timeout_s`."""
        self._idle.clear()
        self._journal.news.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._idle.wait()
        return self._idle.is_set()

    async def _send(self) -> None:
        """Fill the window, where the broker acknowledges."""
        self._journal.news.clear()
        if not self._client.acknowledges:
            return  # an epoch that no broker acknowledges stays owed
        # half of what the broker takes at a time: the live lane need not queue
        window = max(1, self._client.window // 2)
        owed = await self._journal.owed(self._after, window + len(self._flying))
        if not owed and not self._flying and self._after >= 0:
            self._after = -1
            owed = await self._journal.owed(-1, window)
        flying = set(self._flying.values())
        for entry in owed:
            if entry.seq in flying:
                continue
            if len(self._flying) >= window:
                break
            with self._faults.at(Edge.JOURNAL_ROW, str(entry.seq)) as guard:
                message = self._write(entry)
            if guard.fault is not None:  # the others first; it is tried again later
                self._after = max(self._after, entry.seq)
                continue
            if (receipt := self._client.send(message)) is None:
                break
            self._on_sent(message)
            self._flying[receipt] = entry.seq
        if owed or self._after >= 0:
            self._idle.clear()
        else:
            self._idle.set()

    async def _settle(self) -> None:
        """Wait for an answer or for news, and note what the broker has."""
        news = asyncio.create_task(self._journal.news.wait())
        try:
            answers: set[asyncio.Future[Any]] = {news, *self._flying}
            await asyncio.wait(
                answers, timeout=LOOK_S, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            news.cancel()
        done = [receipt for receipt in self._flying if receipt.done()]
        seqs = {receipt: self._flying.pop(receipt) for receipt in done}
        had = [seq for receipt, seq in seqs.items() if _accepted(receipt)]
        if had:
            self._again_s = AGAIN_S
            await self._journal.acknowledge(had)
        refused = [seq for receipt, seq in seqs.items() if _refused(receipt)]
        if refused:
            self._after = max(self._after, *refused)
            await asyncio.sleep(self._again_s)
            self._again_s = min(2 * self._again_s, REFUSED_S)


def _accepted(receipt: Receipt) -> bool:
    return not receipt.cancelled() and receipt.result()


def _refused(receipt: Receipt) -> bool:
    return not receipt.cancelled() and not receipt.result()
