"""A broker and the options for it; the sink outlasts broker and disk by itself."""

from contextlib import asynccontextmanager

from gateway.journal.options import JournalOptions
from gateway.sinks.mqtt import MqttOptions
from sim.local_broker import LocalBroker

fault = None


@asynccontextmanager
async def working(folder):
    async with LocalBroker() as broker:
        journal = JournalOptions(path=str(folder / "journal.sqlite"))
        yield MqttOptions(host=broker.host, port=broker.port, journal=journal)
