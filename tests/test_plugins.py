"""Drivers and outputs of other distributions, seen from a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gateway import drivers
from gateway.errors import ConfigError
from sim import devices
from tests.support.example_plugin import declare, install

ROOT = Path(__file__).parents[1]
CONFIG = """
devices:
  - {name: bedroom, driver: two_channel}
outputs:
  stages_csv: {path: night.csv}
"""
OURS_ONLY = """
devices:
  - {name: bedroom, driver: diy}
outputs:
  terminal: {}
"""
LISTED = """
from gateway import drivers, sinks
print(*drivers.names(), *sinks.names())
print(*(each.name for each in drivers.load_all()))
"""


@pytest.fixture
def site(tmp_path):
    folder = tmp_path / "site"
    folder.mkdir()
    return folder


@pytest.fixture
def python(site, tmp_path):
    """Run Python where `site` is one of the folders that packages lie in."""

    def run(*args):
        where = os.pathsep.join([str(ROOT), str(site)])
        done = subprocess.run(
            [sys.executable, *args],
            env=os.environ | {"PYTHONPATH": where},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    return run


@pytest.fixture
def sleepgate(python):
    return lambda *args: python("-m", "gateway", *args)


@pytest.fixture
def broken(site):
    """Declare a driver of that name in a module of that text."""

    def make(name, text, distribution="sleepgate-broken"):
        module = distribution.replace("-", "_")
        (site / f"{module}.py").write_text(text)
        declare(site, distribution, "0.3", {"sleepgate.drivers": {name: module}})

    return make


def written(tmp_path, text):
    (tmp_path / "my.yaml").write_text(text)
    return "my.yaml"


def test_an_installed_driver_is_listed_with_its_distribution(site, sleepgate):
    install(site)
    code, out, err = sleepgate("driver")
    assert (code, err) == (0, "")
    (line,) = [line for line in out.splitlines() if line.startswith("two_channel")]
    assert line.endswith("(sleepgate-example 1.0)")
    listed = {row["name"]: row for row in json.loads(sleepgate("driver", "--json")[1])}
    assert listed["two_channel"]["distribution"] == "sleepgate-example 1.0"
    assert listed["diy"]["distribution"] == "sleepgate"


def test_a_configuration_may_ask_for_both(site, tmp_path, sleepgate):
    install(site)
    file = written(tmp_path, CONFIG)
    code, out, err = sleepgate("config", "check", file)
    assert (code, err) == (0, "")
    assert out.splitlines()[1:] == [
        "plug-in: driver two_channel (sleepgate-example 1.0)",
        "plug-in: output stages_csv (sleepgate-example 1.0)",
    ]
    shown = json.loads(sleepgate("config", "show", "--json", file)[1])
    assert shown["outputs"]["stages_csv"] == {"path": "night.csv"}


def test_options_of_a_plug_in_are_checked_as_ours_are(site, tmp_path, sleepgate):
    install(site)
    file = written(tmp_path, CONFIG.replace("night.csv", "''"))
    code, _, err = sleepgate("config", "check", file)
    assert code == 2
    assert "outputs.stages_csv.path: empty; name a file" in err


def test_without_the_distribution_its_names_are_unknown(tmp_path, sleepgate):
    code, _, err = sleepgate("config", "check", written(tmp_path, CONFIG))
    assert code == 2
    assert "driver: no 'two_channel'; there are diy, ganglion" in err
    assert "outputs.stages_csv: no 'stages_csv'; there are edf" in err


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("toy", "import nobodys", "cannot be imported (ModuleNotFoundError: No module"),
        ("toy", "raise SystemExit(3)", "cannot be imported (SystemExit: 3)"),
        ("toy", "1 / 0", "cannot be imported (ZeroDivisionError"),
        ("toy", "DRIVER = 'toy'", "sleepgate_broken has no DRIVER"),
        ("toy", "", "sleepgate_broken has no DRIVER"),
        ("toy", "from gateway.drivers.diy import DRIVER", "is named 'diy'"),
        ("diy", "", "is not used: sleepgate has one of that name"),
    ],
)
class TestPlugInThatCannotBeUsed:
    """One sentence names its distribution, and everything else goes on."""

    @pytest.fixture(autouse=True)
    def _installed(self, broken, name, text, problem):
        broken(name, text)

    def test_names_and_the_others_are_as_ever(self, python, name):
        code, out, _ = python("-c", LISTED)
        names, loaded = (line.split() for line in out.splitlines())
        assert code == 0
        assert {name, *drivers.PLUGINS.own_names()} <= {*names}
        assert loaded == drivers.PLUGINS.own_names()

    def test_commands_warn_of_it(self, sleepgate, tmp_path, name, problem):
        for command in (("driver",), ("config", "check", written(tmp_path, OURS_ONLY))):
            code, out, err = sleepgate(*command)
            assert code == 0
            assert "diy" in out or "good" in out
            (line,) = err.splitlines()
            whose = f"warning: driver: {name!r} of sleepgate-broken 0.3 "
            assert line.startswith(whose)
            assert problem in line


def test_a_configuration_that_asks_for_a_broken_one_is_refused(
    broken, sleepgate, tmp_path
):
    broken("two_channel", "1 / 0")
    file = written(tmp_path, OURS_ONLY.replace("diy", "two_channel"))
    code, _, err = sleepgate("config", "check", file)
    assert code == 2
    assert "'two_channel' of sleepgate-broken 0.3 cannot be imported" in err


def test_two_distributions_of_one_name_are_both_refused(broken, sleepgate):
    broken("toy", "")
    broken("toy", "", "sleepgate-other")
    code, out, err = sleepgate("driver")
    assert (code, "toy" in out) == (0, False)
    assert len(err.splitlines()) == 2
    assert "remove one" in err


def test_the_project_s_own_are_loaded_without_a_look_at_what_is_installed(python):
    code, out, _ = python(
        "-c",
        "import sys; from gateway import sinks, plugins; sinks.load('terminal');"
        "print(plugins.any_installed.cache_info().misses, 'numpy' in sys.modules)",
    )
    assert (code, out.split()[0]) == (0, "0")


def test_where_nothing_is_installed_importlib_metadata_is_not_imported(python):
    code, out, _ = python(
        "-c",
        "import sys; from gateway.plugins import any_installed;"
        "print(any_installed(), 'importlib.metadata' in sys.modules)",
    )
    assert (code, out.split()) == (0, ["False", "False"])


def test_a_headband_without_a_simulated_device_says_so(monkeypatch):
    monkeypatch.setattr(drivers, "names", lambda: ["diy", "toy"])
    with pytest.raises(
        ConfigError, match="'toy' cannot be simulated yet; there are diy"
    ):
        devices.load("toy")
    with pytest.raises(ConfigError, match="no simulated headband 'moose'"):
        devices.load("moose")


def test_the_simulator_says_so_too(site, sleepgate):
    install(site)
    for verb in (("sim", "--synthetic", "--transport", "unix:x"), ("demo",)):
        code, _, err = sleepgate(*verb, "--driver", "two_channel")
        assert code == 2
        assert "'two_channel' cannot be simulated yet" in err
