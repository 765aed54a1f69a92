"""What every output keeps to, whatever it writes to."""

import asyncio
from dataclasses import is_dataclass, replace
from importlib import import_module
from importlib.util import find_spec
from typing import get_args

import pytest

from gateway import sinks
from gateway.acquisition.loss_counts import LossCounts
from gateway.acquisition.packets import Battery
from gateway.ble.link_state import LinkReading, LinkState, LinkStats
from gateway.config.schema import parse
from gateway.daemon.active_sink import active_sink
from gateway.errors import ConfigError, SinkError
from gateway.messages.control import Control
from gateway.messages.feed import Feed
from gateway.messages.outputs import (
    Availability,
    NightEpochs,
    Output,
    RecordingState,
    SessionState,
)
from gateway.preprocessing.headband_fit import Contacts
from gateway.staging.scored_epoch import ScoredEpoch
from gateway.staging.sleep_statistics import summarise
from gateway.staging.stage import Stage
from tests.acceptance.recording import night
from tests.support.example_plugin import stages_csv
from tests.support.mosquitto import until

pytestmark = pytest.mark.integration  # mosquitto for one of them; threads for another

SINKS = {name: sinks.load(name) for name in sinks.PLUGINS.own_names()}
SINKS["stages_csv"] = stages_csv.SINK  # of docs/examples/plugin
PATIENCE_S = 30

BEGAN = SessionState(RecordingState.RECORDING, started_utc=night.BEGAN)
ENDED = SessionState(RecordingState.ENDED, night.BEGAN, night.BEGAN, n_epochs=3)
UNCERTAIN = (0.2,) * 5
RECORDED = [
    replace(value, hypnodensity=UNCERTAIN) if isinstance(value, ScoredEpoch) else value
    for _, value in night.outputs(0, 100)
]
EPOCHS = tuple(value for value in RECORDED if isinstance(value, ScoredEpoch))
NIGHT = [
    Availability(online=True, reason="samples arrive"),
    LinkReading(LinkState.STREAMING, LinkStats(attempts=1)),
    Battery(71),
    Contacts((), ()),
    BEGAN,
    *RECORDED,
    LossCounts(lost_s=1.0),
    Availability(online=False, reason="out of reach"),
    NightEpochs(EPOCHS, final=True),
    summarise([Stage.W] * 3),
    ENDED,
]


def example_of(name):
    module = f"tests.sinks.{name}_example"
    if find_spec(module) is None:
        pytest.fail(
            f"output {name!r} has no example: add tests/sinks/{name}_example.py with "
            "working(folder), an asynchronous context that yields options under which "
            "it works, and fault(folder), a context in which it raises SinkError, or "
            "None (edf_example.py is a short one)",
            pytrace=False,
        )
    return import_module(module)


@pytest.fixture(params=SINKS.values(), ids=SINKS)
def sink(request):
    return request.param


@pytest.fixture
async def options(sink, tmp_path):
    try:
        async with example_of(sink.name).working(tmp_path) as options:
            yield options
    except ConfigError as error:
        pytest.skip(str(error))  # no mosquitto here


def feed_of(values):
    feed = Feed(depth=4096)
    for value in values:
        feed.put(night.reading(value))
    return feed


def wanted(sink, values):
    return [value for value in values if isinstance(value, sink.wants)]


async def run(sink, options, feed):
    async with asyncio.timeout(PATIENCE_S):
        await sink.run(options, feed, Control())


def test_the_night_holds_every_kind_of_output():
    assert {type(value) for value in NIGHT} == set(get_args(Output))


def test_it_is_called_what_the_configuration_calls_it(sink):
    assert SINKS[sink.name] is sink
    assert sink.wants
    assert set(sink.wants) <= set(get_args(Output))


def test_its_options_have_defaults_and_an_unknown_key_is_a_config_error(sink):
    assert is_dataclass(parse({}, sink.options, f"outputs.{sink.name}."))
    with pytest.raises(ConfigError, match=rf"outputs\.{sink.name}\.nonsense"):
        parse({"nonsense": 1}, sink.options, f"outputs.{sink.name}.")


def test_what_it_does_not_want_is_not_put_on_its_feed(sink):
    active = active_sink(sink, sink.options())
    for value in NIGHT:
        active.put(night.reading(value))
    assert len(active.feed) == len(wanted(sink, NIGHT)) > 0


async def test_it_drains_its_feed_and_ends_when_that_is_closed(sink, options):
    feed = feed_of(wanted(sink, NIGHT))
    feed.close()
    await run(sink, options, feed)
    assert feed.taken == len(wanted(sink, NIGHT))
    assert not len(feed)


async def test_it_ends_when_nothing_was_ever_put_on_its_feed(sink, options):
    feed = feed_of([])
    feed.close()
    await run(sink, options, feed)
    assert feed.opened.is_set()


async def test_it_survives_what_it_cannot_use(sink, options):
    """Outputs out of order, repeated, and of a session that has ended."""
    backwards = wanted(sink, [*reversed(NIGHT), *NIGHT, *NIGHT])
    feed = feed_of(backwards)
    feed.close()
    await run(sink, options, feed)
    assert feed.taken == len(backwards)


async def test_cancelled_in_the_night_it_can_be_begun_again(sink, options):
    feed = feed_of(wanted(sink, NIGHT[: len(NIGHT) // 2]))
    running = asyncio.create_task(run(sink, options, feed))
    await until(lambda: not len(feed), "the first half of the night")
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    for value in wanted(sink, NIGHT[len(NIGHT) // 2 :]):
        feed.put(night.reading(value))
    feed.close()
    await run(sink, options, feed)
    assert feed.taken == len(wanted(sink, NIGHT))


@pytest.mark.parametrize(
    "sink",
    [s for s in SINKS.values() if example_of(s.name).fault],
    ids=lambda s: s.name,
)
async def test_a_fault_is_a_sink_error_and_after_it_nothing_is_missing(
    sink, options, tmp_path
):
    feed = feed_of(wanted(sink, NIGHT))
    feed.close()
    with example_of(sink.name).fault(tmp_path), pytest.raises(SinkError):
        await run(sink, options, feed)
    assert len(feed) == len(wanted(sink, NIGHT))
    await run(sink, options, feed)
    assert not len(feed)
