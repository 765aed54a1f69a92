"""Run the checks in one container and print a table; exit status 1 if one failed."""

import argparse
import subprocess
import sys
import time
from pathlib import Path

from scripts.nspawn.bench import Bench, given
from scripts.nspawn.checks import CHECKS
from scripts.nspawn.container import Container, ContainerError

ROOT = Path(__file__).parents[2]


def main() -> int:
    """See the module."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--base", type=Path, required=True, help="tree of debootstrap")
    asked.add_argument("--peer", type=Path, required=True, help="folder of its wheels")
    asked.add_argument("--deb", type=Path, required=True)
    asked.add_argument("--newer", type=Path, required=True)
    asked.add_argument("--suite", default="")
    options = asked.parse_args()
    rows: list[tuple[str, str, str]] = []
    with Container(options.base) as box:
        deb, newer = given(box.root, options.deb, options.newer)
        bench = Bench(box, deb, newer)
        for name, check in CHECKS:
            began = time.monotonic()
            try:
                if check is CHECKS[0][1]:
                    note = check(bench)
                    _lend_peer(bench, options.peer)
                else:
                    note = check(bench)
                result = "pass"
            except ContainerError as error:
                result, note = "FAIL", str(error)
            rows.append((result, name, note))
            print(
                f"{result} {time.monotonic() - began:5.1f} s  {name}  {note}",
                flush=True,
            )
            if result == "FAIL":
                print(box.attempt("journalctl -u sleepgate -n 25 --no-pager")[1])
    failed = [row for row in rows if row[0] != "pass"]
    print(f"\n| Debian {options.suite} | | |\n|---|---|---|")
    for result, name, note in rows:
        print(f"| {name} | {result} | {note.splitlines()[0][:120] if note else ''} |")
    print(f"{len(rows) - len(failed)} of {len(rows)} passed")
    return bool(failed)


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
