"""A night of asyncio in milliseconds, and the way to the real data."""

import asyncio
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest
from hypothesis import settings

from sim.virtual_time import VirtualTimeLoop

pytest_plugins = ("tests.support.fake_radio", "tests.support.mosquitto")

settings.register_profile("unhurried", deadline=None)  # shared machines stall
settings.load_profile("unhurried")

SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"


def pytest_asyncio_loop_factories(config, item):
    if item.get_closest_marker("integration"):
        return {"real-time": asyncio.SelectorEventLoop}
    return {"virtual-time": VirtualTimeLoop}


@pytest.fixture(scope="session")
def _cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def _own_state(tmp_path_factory, monkeypatch, _cache):
    """Keep journals, sockets and files out of the home of whoever runs the tests."""
    for name in ("STATE_DIRECTORY", "RUNTIME_DIRECTORY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(_cache))  # a model is tried once for all
    for name in ("STATE_HOME", "RUNTIME_DIR", "CONFIG_HOME"):
        monkeypatch.setenv(f"XDG_{name}", str(tmp_path_factory.mktemp(name[:3])))


@pytest.fixture(scope="session")
def virtual_time():
    """Return what `asyncio.run` is, with a clock that leaps."""

    def run(main):
        with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
            return runner.run(main)

    return run


@pytest.fixture(scope="session")
def shared_data():
    if not SHARED_DATA.is_dir():
        pytest.skip(f"no data folder at {SHARED_DATA.resolve()}")
    return SHARED_DATA


@pytest.fixture(scope="session")
def cut_edf(shared_data, tmp_path_factory):
    """Return a function: name of a cut -> path of its EDF file, stage codes."""
    edf_cuts = import_module("tests.support.edf_cuts")  # it needs edfio
    folder = tmp_path_factory.mktemp("cuts")

    @cache
    def write(name):
        path = folder / f"{name}.edf"
        return path, edf_cuts.write_edf(
            shared_data / "sleep_edf_cuts" / f"{name}.npz", path
        )

    return write
