"""A control: a file that nobody flushes; whatever ends its writer must harm it."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.acceptance.power_cut.subject import Mark, Promise, Subject

N_LINES = 400
LINE = b"%07d\n"


def _write(folder: Path, mark: Mark) -> None:
    with (folder / "lines").open("wb") as file:
        for n in range(N_LINES):
            file.write(LINE % n)
            mark({"lines": n + 1})


def _judge(folder: Path, promised: Sequence[Promise]) -> Iterator[str]:
    n_promised = promised[-1]["lines"] if promised else 0
    file = folder / "lines"
    found = file.read_bytes() if file.exists() else b""
    wanted = b"".join(LINE % n for n in range(n_promised))
    if not found.startswith(wanted):
        yield f"{n_promised} lines were promised, {len(found) // len(LINE % 0)} found"


SUBJECT = Subject(
    "control: a file that nobody flushes or syncs",
    _write,
    _judge,
    must_fail=True,
    must_fail_killed=True,
)
