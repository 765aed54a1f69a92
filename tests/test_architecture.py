"""The layering and the size limits, checked like any other behaviour."""

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("gateway", "sim")
MODULES = sorted(path for name in PACKAGES for path in (ROOT / name).rglob("*.py"))
IDS = [path.relative_to(ROOT).as_posix() for path in MODULES]

# layer -> layers it may import; what is not listed is free of all others
MAY_IMPORT = {
    "gateway": set(),
    "gateway.errors": set(),
    "gateway.messages.control": {"staging"},
    "gateway.messages.feed": set(),
    "gateway.config.schema": {"config_parsing"},
    "gateway.config.parsing": {"errors"},
    "gateway.config.json_schema": {"config", "config_parsing"},
    "gateway.acquisition": {"errors"},
    "gateway.drivers": {"acquisition", "errors"},
    "gateway.preprocessing": {"acquisition", "errors"},
    "gateway.staging": {"preprocessing", "acquisition", "errors"},
    "gateway.messages.outputs": {"acquisition", "link", "preprocessing", "staging"},
    "gateway.formats": {
        *("acquisition", "staging", "preprocessing", "outputs", "errors"),
        *("agreement", "journal", "link", "past", "vitals"),
    },
    "gateway.evaluation": {"staging", "errors"},
    "gateway.recordings": {"acquisition", "formats", "staging", "errors"},
    "gateway.ble": {"acquisition", "drivers", "errors"},
    "gateway.session.resume": {"acquisition", "staging", "outputs"},
    "gateway.session.decoding": {"acquisition", "drivers", "errors"},
    "gateway.session.standby": {
        "acquisition",
        "drivers",
        "intake",
        "preprocessing",
        "outputs",
    },
    "gateway.session.night": {
        *("acquisition", "preprocessing", "staging", "outputs", "past", "errors"),
    },
    "gateway.session.pipeline": {
        *("acquisition", "drivers", "intake", "night", "outputs", "past", "errors"),
        *("preprocessing", "staging"),
    },
    "gateway.offline.score_recording": {
        *("acquisition", "errors", "outputs", "pipeline", "preprocessing"),
        *("recordings", "staging"),
    },
    "gateway.sinks": {
        *("acquisition", "staging", "preprocessing", "formats", "outputs", "feed"),
        *("control", "errors", "journal", "link", "mqtt_client"),
        *("record_file", "__version__"),
    },
    "gateway.journal": {"errors"},
    "gateway.recorder": {"acquisition", "staging", "formats", "outputs", "errors"},
    "gateway.host.metrics": {"vitals"},
    "gateway.host.vitals": set(),
    "gateway.mqtt": {
        *("acquisition", "preprocessing", "staging", "formats", "outputs"),
        *("control", "errors", "journal", "link", "machine", "__version__"),
    },
    "sim": {
        *("acquisition", "drivers", "errors", "link", "preprocessing"),
        *("recordings", "staging"),
    },
}
EVERYTHING = {
    *("gateway.daemon", "gateway.commands", "gateway.cli.options"),
    "gateway.__main__",
}
MAY_IMPORT_SIM = {"gateway/commands/sim.py", "gateway/commands/demo.py"}
PURE = {
    *("gateway", "gateway.errors", "gateway.config.schema", "gateway.acquisition"),
    *("gateway.config.parsing", "gateway.config.json_schema"),
    *("gateway.drivers", "gateway.preprocessing", "gateway.staging"),
    "gateway.evaluation",
    *(
        "gateway.messages.outputs",
        "gateway.formats",
        "gateway.host.vitals",
        "gateway.session.night",
    ),
    *(
        "gateway.session.pipeline",
        "gateway.session.decoding",
        "gateway.session.standby",
        "gateway.session.resume",
    ),
}
PURE_MODULES = {
    *("gateway/ble/link_state.py", "gateway/ble/backoff.py"),
    *("gateway/ble/recovery_policy.py", "gateway/ble/link_stats.py"),
    *(
        "gateway/recordings/recording.py",
        "sim/device.py",
        "sim/night/synthetic_night.py",
    ),
    *("sim/night/electrodes.py", "sim/night/resampling.py"),
}
IO = {
    *("asyncio", "bleak", "bumble", "logging", "paho", "random", "secrets"),
    *("socket", "sqlite3", "subprocess", "threading", "time"),
}
HEAVY = {"matplotlib", "mne", "pandas", "scipy", "tensorflow", "yasa"}
ONLY_IN = {
    "bleak": {
        *("gateway/ble/bleak_errors.py", "gateway/link/bleak_memory.py"),
        "gateway/ble/bleak_client.py",
        *("gateway/ble/bleak_radio.py", "gateway/ble/bleak_scanner.py"),
        *("gateway/ble/bumble/host.py", "gateway/ble/bumble/backend.py"),
        "gateway/ble/bumble/scanner.py",
    },
    "paho": {f"gateway/mqtt_client/{x}.py" for x in ("paho_thread", "small_ears")},
    "rich": {
        *("gateway/sinks/terminal.py", "gateway/cli/fit_view.py"),
        *("gateway/cli/status_view.py", "gateway/cli/progress_bar.py"),
    },
    "distributed": {"gateway/offline/workers.py"},
}
VAGUE = {"base", "common", "core", "helpers", "manager", "misc", "util", "utils"}


def imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def name_of(path):
    return path.relative_to(ROOT).as_posix()


def layer(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return "sim" if parts[0] == "sim" else ".".join(parts[:2]).removesuffix(".__init__")


@pytest.mark.parametrize("path", MODULES, ids=IDS)
def test_a_layer_imports_only_what_lies_before_it(path):
    if layer(path) in EVERYTHING:
        return
    ours = {n.split(".")[1] for n in imports(path) if n.startswith("gateway.")}
    own = layer(path).removeprefix("gateway.")
    assert ours - {own} <= MAY_IMPORT[layer(path)]


@pytest.mark.parametrize("path", MODULES, ids=IDS)
def test_the_gateway_does_not_know_the_simulator(path):
    if layer(path) != "sim" and name_of(path) not in MAY_IMPORT_SIM:
        assert not any(n.split(".")[0] == "sim" for n in imports(path))


@pytest.mark.parametrize("path", MODULES, ids=IDS)
def test_pure_modules_touch_no_radio_clock_or_dice(path):
    if (
        layer(path) in PURE
        or name_of(path) in PURE_MODULES
        or name_of(path).startswith("sim/devices/")
    ):
        assert not {n.split(".")[0] for n in imports(path)} & IO
        calls = {
            node.attr
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Attribute)
        }
        assert not calls & {"now", "utcnow", "today"}


@pytest.mark.parametrize("path", MODULES, ids=IDS)
def test_each_foreign_interface_is_met_in_one_place(path):
    for library, homes in ONLY_IN.items():
        if name_of(path) not in homes:
            assert library not in {n.split(".")[0] for n in imports(path)}


@pytest.mark.parametrize("path", MODULES, ids=IDS)
def test_the_daemon_imports_nothing_heavy(path):
    assert not {n.split(".")[0] for n in imports(path)} & HEAVY


@pytest.mark.parametrize("path", MODULES, ids=IDS)
def test_modules_are_small_and_named_for_what_they_hold(path):
    assert len(path.read_text().splitlines()) <= 250
    for name in path.relative_to(ROOT).with_suffix("").parts:
        assert not VAGUE & set(name.split("_"))
        assert name not in sys.stdlib_module_names


@pytest.mark.parametrize("path", MODULES, ids=IDS)
def test_functions_are_short(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno - node.lineno < 50, node.name


@pytest.mark.parametrize("path", MODULES, ids=IDS)
def test_nothing_expected_is_caught_by_catching_everything(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ExceptHandler):
            caught = {
                n.id for n in ast.walk(node.type or node) if isinstance(n, ast.Name)
            }
            assert node.type is not None
            assert "Exception" not in caught
