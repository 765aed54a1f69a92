"""Run the checks in one container and print a table; exit status 1 if one failed."""

import argparse
import subprocess
import sys
import time
from pathlib import Path

from tests.acceptance.debian_container.bench import Bench, Check, given
from tests.acceptance.debian_container.checks import CHECKS, INSTALL
from tests.acceptance.debian_container.container import Container, ContainerError

ROOT = Path(__file__).parents[3]


def main() -> int:
    """See the module."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--base", type=Path, required=True, help="tree of debootstrap")
    asked.add_argument("--peer", type=Path, required=True, help="folder of its wheels")
    asked.add_argument("--deb", type=Path, required=True)
    asked.add_argument("--newer", type=Path, required=True)
    asked.add_argument("--suite", default="")
    asked.add_argument("--only", default="", help="checks with this in their names")
    options = asked.parse_args()
    with Container(options.base) as box:
        deb, newer = given(box.root, options.deb, options.newer)
        bench = Bench(box, deb, newer)
        rows = [_row(INSTALL, bench)]
        _lend_peer(bench, options.peer)
        wanted = [check for check in CHECKS if options.only in check.name]
        rows += [_row(check, bench) for check in wanted]
    failed = [row for row in rows if row[0] != "pass"]
    print(f"\n| Debian {options.suite} | | |\n|---|---|---|")
    for result, name, note in rows:
        print(f"| {name} | {result} | {note.splitlines()[0][:120] if note else ''} |")
    print(f"{len(rows) - len(failed)} of {len(rows)} passed")
    return bool(failed)


def _row(check: Check, bench: Bench) -> tuple[str, str, str]:
    """Return result, name and note of a check, and print them."""
    began = time.monotonic()
    try:
        result, note = "pass", check.run(bench)
    except ContainerError as error:
        result, note = "FAIL", str(error)
    took_s = time.monotonic() - began
    print(f"{result} {took_s:5.1f} s  {check.name}  {note}", flush=True)
    if result == "FAIL":
        print(bench.box.attempt("journalctl -u sleepgate -n 25 --no-pager")[1])
    return result, check.name, note


def _lend_peer(bench: Bench, wheels: Path) -> None:
    """Put the simulator into an environment of its own in the container."""
    folder = bench.box.root / "opt/given"
    archive = subprocess.run(
        ["tar", "-c", "gateway", "sim", "tests", "scripts", "systemd", "config"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        check=True,
    ).stdout
    (folder / "checkout").mkdir()
    untar = ["tar", "-x", "-C", str(folder / "checkout")]
    subprocess.run(untar, input=archive, check=True)
    subprocess.run(["cp", "-r", str(wheels), str(folder / "peer-wheels")], check=True)
    pip = "PYTHONPATH=$(echo /usr/share/python-wheels/pip-*.whl)"
    bench.box.run(
        "python3 -m venv --without-pip /opt/given/peer && "
        f"{pip} /opt/given/peer/bin/python -m pip install -q --no-index "
        "--find-links /opt/given/peer-wheels /opt/given/peer-wheels/*.whl"
    )


if __name__ == "__main__":
    sys.exit(main())
