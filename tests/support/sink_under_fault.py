"""The MQTT sink with a journal, and what must hold whatever the broker does."""

import asyncio
import sqlite3
from contextlib import asynccontextmanager, closing

from gateway.journal.options import JournalOptions
from gateway.messages.feed import Feed
from gateway.mqtt.options import MqttOptions
from gateway.sinks.mqtt import run
from tests.support.mosquitto import until

PATIENCE_S = 30  # a dead line is noticed after ten seconds, then there is a back-off
DEPTH = 4096  # as the daemon's
COUNTS = "SELECT count(*), count(*) FILTER (WHERE acknowledged = 0) FROM entry"


class Scoring:
    """Puts one epoch after the other on the sink's feed.

    Attributes
    ----------
    n : int
        Epochs so far.
    feed : Feed
    """

    def __init__(self, scored, feed, journal):
        self.n = 0
        self.feed = feed
        self._scored = scored
        self._journal = journal

    def counts(self):
        """Return how many epochs are on disk, and how many no broker has."""
        if not self._journal.exists():
            return 0, 0
        with closing(sqlite3.connect(f"file:{self._journal}?mode=ro", uri=True)) as db:
            made = db.execute("PRAGMA user_version").fetchone() != (0,)
            return db.execute(COUNTS).fetchone() if made else (0, 0)

    def put(self, n):
        """Score `n` epochs at once."""
        for _ in range(n):
            self.feed.put(self._scored(self.n))
            self.n += 1

    async def record(self, n):
        """Score `n` epochs and see them on disk: nothing holds the sink up."""
        self.put(n)
        await until(
            lambda: self.counts()[0] == self.n, f"{self.n} epochs on disk", PATIENCE_S
        )

    async def settled(self):
        """Wait until the broker has acknowledged everything."""
        await until(
            lambda: self.counts() == (self.n, 0), "a broker that has all", PATIENCE_S
        )

    async def arrived(self, listener):
        """Wait until `listener` has every epoch, and see the live lane current."""
        await until(
            lambda: (
                len(listener.on("/epoch")) >= self.n
                and known(listener) == set(range(self.n))
            ),
            "every epoch",
            PATIENCE_S,
        )
        await self.is_current(listener)

    async def is_current(self, listener):
        """See the next epoch come live, with nothing older after it."""
        self.put(1)
        await until(lambda: newest(listener) == self.n - 1, "the live lane", PATIENCE_S)
        await until(lambda: self.n - 1 in known(listener), "its epoch", PATIENCE_S)
        await listener.catch_up()
        live = [stage["epoch"] for stage in listener.stages()]
        assert set(live[live.index(self.n - 1) :]) == {self.n - 1}, "nothing older"
        assert self.feed.dropped == 0


@asynccontextmanager
async def scoring(port, folder, scored, host="127.0.0.1", **options):
    """A sink that publishes to `port`; leaving closes its feed and waits for it."""
    feed, journal = Feed(DEPTH), folder / "journal.sqlite"
    given = MqttOptions(
        host=host,
        port=port,
        journal=JournalOptions(path=str(journal)),
        **options,
    )
    sink = asyncio.create_task(run(given, feed))
    try:
        yield Scoring(scored, feed, journal)
    finally:
        feed.close()
        await sink


def known(listener):
    """Return the epochs heard on the journal lane; the session is always the same."""
    epochs = listener.epochs()
    assert len({epoch["session"] for epoch in epochs}) <= 1
    return {epoch["epoch"] for epoch in epochs}


def newest(listener):
    """Return the epoch last heard live."""
    stages = listener.on("/stage")
    return stages[-1].document["epoch"] if stages else None


def warnings(caplog, about):
    """Return the warnings that contain `about`."""
    return [
        record.getMessage()
        for record in caplog.records
        if record.levelname == "WARNING" and about in record.getMessage()
    ]
