"""The layering, the homes of foreign libraries, names and sizes, for the whole tree.

Each test lists every offender at once.
"""

import ast
import re
import sys
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]

# A folder imports from the rows below its own, and from itself; nothing else.
LAYERS = """
training
commands                            one verb each
offline  doctor
cli
control_socket  pairing
daemon
sinks                               one output each
mqtt  recorder  sim
reports  recordings
edf  session
formats
messages  evaluation  models
staging  ble
preprocessing  journal  drivers
acquisition  config  install        what the rest stands on
atomic_write  own_command
paths  plugins  fault_barrier
errors  host  epoch_length  bounded_json  printable
"""
PROGRAM = ("gateway", "sim", "training")
MAY_IMPORT_SIM = {"gateway/commands/sim.py", "gateway/commands/demo.py"}

# Values in, values out: no radio, clock, dice, event loop or file.
PURE = {
    "gateway/errors.py",
    "gateway/acquisition",
    "gateway/drivers",
    "gateway/preprocessing",
    "gateway/staging",
    "gateway/evaluation",
    "gateway/formats",
    "gateway/reports",
    "gateway/messages/outputs.py",
    "gateway/session",
    "gateway/host/vitals.py",
    "gateway/config/schema.py",
    "gateway/config/parsing.py",
    "gateway/config/json_schema.py",
    "gateway/recordings/recording.py",
    "gateway/ble/link_state.py",
    "gateway/ble/recovery_policy.py",
    "sim/device.py",
    "sim/devices",
    "sim/night",
}
EDGES_OF_PURE_FOLDERS = {
    "gateway/session/checkpoint_file.py",
    "gateway/session/controller.py",
    "gateway/session/session_id.py",
}
IO = {
    *("asyncio", "bleak", "bumble", "logging", "multiprocessing", "os", "paho"),
    *("pathlib", "random", "secrets", "socket", "sqlite3", "subprocess", "tempfile"),
    *("threading", "time"),
}
CLOCKS = {"now", "utcnow", "today"}

# heavy: the daemon runs in 60 MB; scipy is met once, in the extra `analysis`
HEAVY = {"matplotlib", "mne", "pandas", "scipy", "sklearn", "tensorflow", "yasa"}
# library -> the only places of gateway and sim that may import it
HOMES = {
    "bleak": [
        "gateway/ble/bleak_client.py",
        "gateway/ble/bleak_errors.py",
        "gateway/ble/bleak_radio.py",
        "gateway/ble/bleak_scanner.py",
        "gateway/ble/bluez/adapter.py",
        "gateway/ble/bumble/backend.py",
        "gateway/ble/bumble/host.py",
        "gateway/ble/bumble/scanner.py",
    ],
    "bumble": ["gateway/ble/bumble/", "sim/radio/"],
    "dbus_fast": ["gateway/ble/bleak_errors.py", "gateway/ble/bluez/"],
    "distributed": ["gateway/offline/workers.py"],
    "edfio": ["gateway/edf/"],
    "paho": ["gateway/mqtt/paho_client.py"],
    "rich": [
        "gateway/cli/fit_view.py",
        "gateway/cli/progress_bar.py",
        "gateway/cli/status_view.py",
        "gateway/sinks/terminal.py",
    ],
    "sqlite3": ["gateway/journal/database.py"],
    "systemd": ["gateway/daemon/systemd_journal.py"],
    **{name: [] for name in HEAVY},
    "scipy": ["gateway/evaluation/bland_altman.py"],
}

VAGUE = {"base", "common", "core", "helpers", "manager", "misc", "util", "utils"}
RUNS_FOREIGN_CODE = {"gateway/plugins.py"}  # which may raise anything
LONGEST_FILE = 400
LONGEST_FUNCTION = 50
# being taken apart; nothing may be added
STILL_LONG = {
    "training/quantise/add_context.py: add_context",
    "training/sleep_edf/export.py: export_run",
}


class Module(NamedTuple):
    """A file of Python: path below the root, text, syntax tree and all its nodes."""

    path: str
    text: str
    tree: ast.Module
    nodes: list[ast.AST]

    @property
    def imports(self):
        """Names imported, dotted; ``from a import b`` yields ``a`` and ``a.b``."""
        for node in self.nodes:
            match node:
                case ast.Import():
                    yield from (alias.name for alias in node.names)
                case ast.ImportFrom():
                    yield node.module
                    yield from (f"{node.module}.{alias.name}" for alias in node.names)
                case ast.Call(func=called, args=[ast.Constant(name), *_]):
                    if ast.unparse(called).endswith("import_module"):
                        yield name

    @property
    def libraries(self):
        return {name.split(".")[0] for name in self.imports}

    @property
    def functions(self):
        for node in self.nodes:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield node

    def lies_in(self, places):
        return any(
            self.path == place or self.path.startswith(place.rstrip("/") + "/")
            for place in places
        )


@cache
def modules(*tops):
    paths = sorted(path for top in tops for path in (ROOT / top).rglob("*.py"))
    return [
        Module(path.relative_to(ROOT).as_posix(), text, tree, list(ast.walk(tree)))
        for path in paths
        for text in [path.read_text()]
        for tree in [ast.parse(text)]
    ]


def none_of(offenders):
    listed = "\n".join(offenders)
    assert not listed, listed


def layer_names():
    return [re.split(r" {3,}", row)[0].split() for row in LAYERS.strip().splitlines()]


ROW = {name: number for number, row in enumerate(layer_names()) for name in row}


def layer(dotted):
    """Name in `LAYERS` of a dotted module of the program, or None for all others."""
    match dotted.split("."):
        case [("sim" | "training") as top, *_]:
            return top
        case ["gateway", "__main__", *_]:
            return "commands"
        case ["gateway", "__init__" | "__version__"] | ["gateway"]:
            return None  # the version, and nothing else
        case ["gateway", name, *_]:
            return name
    return None


def dotted(path):
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def test_every_module_of_the_program_has_its_row():
    found = {layer(dotted(module.path)) for module in modules(*PROGRAM)} - {None}
    assert found == set(ROW)


def test_imports_run_downward():
    none_of(
        f"{module.path} imports {name}"
        for module in modules(*PROGRAM)
        for name in module.imports
        for own, other in [(layer(dotted(module.path)), layer(name))]
        if other is not None and own != other
        if own is None or ROW.get(other, -1) <= ROW[own]
    )


def test_the_program_knows_no_simulator_and_nothing_knows_its_scripts():
    forbidden = {
        "gateway": {"sim", "training", "tests", "scripts"},
        "sim": {"training", "tests", "scripts"},
        "training": {"tests", "scripts"},
        "tests": {"scripts"},
    }
    none_of(
        f"{module.path} imports {library}"
        for top, libraries in forbidden.items()
        for module in modules(top)
        for library in module.libraries & libraries
        if library != "sim" or module.path not in MAY_IMPORT_SIM
    )


def test_the_core_is_pure():
    none_of(
        f"{module.path} uses {name}"
        for module in modules("gateway", "sim")
        if module.lies_in(PURE) and module.path not in EDGES_OF_PURE_FOLDERS
        for name in sorted(
            (module.libraries & IO)
            | {n.attr for n in module.nodes if isinstance(n, ast.Attribute)} & CLOCKS
        )
    )


def test_each_foreign_library_has_one_home_and_nothing_is_heavy():
    none_of(
        f"{module.path} imports {library}"
        for module in modules("gateway", "sim")
        for library in sorted(module.libraries & set(HOMES))
        if not module.lies_in(HOMES[library])
    )


def test_files_and_functions_are_short():
    everything = modules(*PROGRAM, "scripts", "tests/acceptance")
    long = {
        f"{module.path}: {lines} lines"
        for module in everything
        for lines in [len(module.text.splitlines())]
        if lines > LONGEST_FILE
    } | {
        f"{module.path}: {node.name}"
        for module in everything
        for node in module.functions
        if node.end_lineno - node.lineno >= LONGEST_FUNCTION
    }
    assert long == STILL_LONG


def test_no_name_is_vague_or_the_standard_library_s():
    none_of(
        module.path
        for module in modules(*PROGRAM, "scripts")
        for name in Path(module.path).with_suffix("").parts
        if VAGUE & set(name.split("_"))
        or (name in sys.stdlib_module_names and name != "__main__")
    )


def test_no_two_classes_have_one_name():
    homes = defaultdict(list)
    for module in modules(*PROGRAM):
        for node in module.tree.body:
            if isinstance(node, ast.ClassDef):
                homes[node.name].append(module.path)
    none_of(f"{name}: {paths}" for name, paths in homes.items() if len(paths) > 1)


def test_nothing_expected_is_caught_by_catching_everything():
    none_of(
        f"{module.path}:{node.lineno}"
        for module in modules(*PROGRAM, "scripts")
        if module.path not in RUNS_FOREIGN_CODE
        for node in module.nodes
        if isinstance(node, ast.ExceptHandler)
        if node.type is None
        or "Exception" in {n.id for n in ast.walk(node.type) if isinstance(n, ast.Name)}
    )


PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")]
A_PATH = re.compile(
    r"(?<![\w/.~-])(?:gateway|sim|training|scripts|tests|config|systemd|docs)/"
    r"[\w.*{},<>/-]*[\w*}>/]"
)
A_LINK = re.compile(r"\]\(([^)#\s]+)")
A_FILE = re.compile(r"`(\w+\.py)`")


def test_what_a_page_names_exists():
    none_of(
        f"{page.relative_to(ROOT)}: {name}"
        for page in [*PAGES, *(ROOT / "docs").rglob("*.md")]
        for text in [page.read_text()]
        for name, base in [
            *((name, ROOT) for name in A_PATH.findall(text)),
            *((name, page.parent) for name in A_LINK.findall(text) if ":" not in name),
            *((name, page.parent) for name in A_FILE.findall(text)),
        ]
        if not any(base.glob(re.sub(r"\{.*?\}|<.*?>", "*", name).rstrip("/")))
        and not (base / name).exists()
    )


def test_contributing_shows_the_layers():
    assert f"```{LAYERS}```" in (ROOT / "CONTRIBUTING.md").read_text()


def test_decisions_have_one_heading_a_date_and_a_line_in_the_index():
    folder = ROOT / "docs/decisions"
    index = (folder / "README.md").read_text().splitlines()
    wanted = []
    for page in sorted(folder.glob("0*.md")):
        title, dated = re.match(r"(.*)\n\n(.*)\n\n", page.read_text()).groups()
        number = page.name[:4]
        named = re.fullmatch(rf"# {number} (\S.*)", title)
        of = re.fullmatch(r"Date: (\d{4}-\d\d-\d\d)\. Status: (.+)\.", dated)
        assert named, f"{page.name}: its first line is not '# {number} A title'"
        assert of, f"{page.name}: third line: 'Date: YYYY-MM-DD. Status: accepted.'"
        wanted.append(f"| [{number}]({page.name}) | {named[1]} | {of[1]} | {of[2]} |")
    none_of(f"index lacks: {line}" for line in wanted if line not in index)
