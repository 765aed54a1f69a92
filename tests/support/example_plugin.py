"""The distribution of docs/examples/plugin: its modules, and a way to install it."""

import sys
import tomllib
from importlib import import_module
from pathlib import Path
from shutil import copytree

EXAMPLE = Path(__file__).parents[2] / "docs/examples/plugin"
PROJECT = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]
PACKAGE = "sleepgate_example"

sys.path.append(str(EXAMPLE))
stages_csv = import_module(f"{PACKAGE}.stages_csv")
two_channel = import_module(f"{PACKAGE}.two_channel")


def install(folder):
    """Put the example into `folder` as pip would; without asking pip, which is slow."""
    copytree(EXAMPLE / PACKAGE, folder / PACKAGE)
    declare(folder, PROJECT["name"], PROJECT["version"], PROJECT["entry-points"])


def declare(folder, name, version, entry_points):
    """Write what an installed distribution says of itself."""
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    )
    lines = []
    for group, points in entry_points.items():
        lines += [f"[{group}]", *(f"{key} = {value}" for key, value in points.items())]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
