"""Sleepgate on emulated Raspberry Pis; `scripts/test-arm64` prepares and starts it."""

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain, product
from pathlib import Path
from subprocess import TimeoutExpired

from tests.acceptance.arm64.machine import Machine, ProgramError
from tests.acceptance.arm64.page_alignment import shared_objects, too_finely_aligned
from tests.acceptance.arm64.processors import PROCESSORS
from tests.acceptance.arm64.scores import Difference, difference, read_scores
from tests.acceptance.arm64.synthetic_night import write_night

REAL = "SC4012E0_epoch0696-0715.npz"
SYNTHETIC = "synthetic.npz"
FEWEST_STAGES = 4  # of the synthetic night: a comparison of one stage tells little


@dataclass(frozen=True, slots=True)
class Suite:
    """A Debian, and the runtime that the package brings for it.

    Attributes
    ----------
    runtime, kernels : str
        What verifies the model.
    apart : float
        Largest difference of a probability from x86-64: LiteRT answers to the bit,
        and the softmax is a double's; tflite-runtime's kernels round in their own way.
    """

    runtime: str
    kernels: str
    apart: float


SUITES = {
    "bookworm": Suite("tflite-runtime", "optimised kernels", 0.05),
    "trixie": Suite("ai-edge-litert", "XNNPACK", 1e-9),
}


def main() -> int:
    """Try every suite on every processor; return how many things are wrong."""
    options = _options()
    with tempfile.TemporaryDirectory(prefix="sleepgate-arm64-") as name:
        work = Path(name)
        nights = _nights(work / "nights", options.data)
        with ThreadPoolExecutor(os.cpu_count()) as pool:

            def on_arm64(suite: str, processor: str) -> list[str]:
                return _on_arm64(options.roots, work, suite, processor, expected[suite])

            told = pool.map(
                lambda suite: _on_x86(options.roots, work, suite, nights), SUITES
            )
            expected = dict(zip(SUITES, told, strict=True))
            suites, processors = zip(*product(SUITES, PROCESSORS), strict=True)
            wrong = list(chain.from_iterable(pool.map(on_arm64, suites, processors)))
    for suite in SUITES:
        wrong += _pages(options.roots / f"{suite}-arm64" / "opt" / "sleepgate", suite)
    for problem in wrong:
        print(f"WRONG {problem}", file=sys.stderr)
    return len(wrong)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--roots", type=Path, required=True, help="SUITE-ARCHITECTURE")
    parser.add_argument("--data", type=Path, required=True, help="the data folder")
    return parser.parse_args()


def _nights(folder: Path, data: Path) -> list[str]:
    """Put the recordings into `folder`; return their names."""
    folder.mkdir()
    write_night(folder / SYNTHETIC)
    cut = data / "sleep_edf_cuts" / REAL
    if not cut.is_file():
        print(f"skipped: the real recording, for there is no {cut}")
        return [SYNTHETIC]
    shutil.copy(cut, folder)
    return [SYNTHETIC, REAL]


Scorings = dict[str, str]  # by a night's name, what `sleepgate score` printed


def _on_x86(roots: Path, work: Path, suite: str, nights: Sequence[str]) -> Scorings:
    machine = Machine(
        roots / f"{suite}-amd64", work / "nights", _scratch(work, suite, "x86-64")
    )
    return {
        night: machine.sleepgate("score", str(machine.nights / night))
        for night in nights
    }


def _on_arm64(
    roots: Path, work: Path, suite: str, processor: str, expected: Scorings
) -> list[str]:
    """Return what is wrong with a suite on a processor."""
    where = f"{suite}, {processor}"
    scratch = _scratch(work, suite, processor)
    machine = Machine(roots / f"{suite}-arm64", work / "nights", scratch, processor)
    try:
        verified = machine.sleepgate("model", "verify")
        print(f"{where}: {verified.strip()}", flush=True)
        wanted = (SUITES[suite].runtime, "aarch64", f"\n  {SUITES[suite].kernels}: ")
        if lacking := [words for words in wanted if words not in verified]:
            return [f"{where}: verified without {lacking}"]
        return [
            f"{where}: {problem}"
            for night, lines in expected.items()
            for problem in _compared(machine, suite, night, lines, where)
        ]
    except (ProgramError, TimeoutExpired, ValueError) as error:
        return [f"{where}: {error}"]


def _compared(
    machine: Machine, suite: str, night: str, lines: str, where: str
) -> Iterator[str]:
    ours = read_scores(machine.sleepgate("score", str(machine.nights / night)))
    found = difference(ours, read_scores(lines))
    print(f"{where}: {night}: {_said(found, suite)}", flush=True)
    yield from judged(found, night, SUITES[suite].apart)


def judged(found: Difference, night: str, allowed: float) -> Iterator[str]:
    """Say what is wrong with a night that was scored on arm64.

    Parameters
    ----------
    found : Difference
        From x86-64.
    night : str
        Name of the recording.
    allowed : float
        Largest difference of a probability.
    """
    if found.other:
        yield f"{night}: epochs {found.other} staged otherwise than on x86-64"
    if found.apart > allowed:
        yield f"{night}: probabilities {found.apart:.3g} apart, {allowed:g} allowed"
    if night == SYNTHETIC and len(set(found.stages)) < FEWEST_STAGES:
        yield f"{night}: staged {found.stages}, fewer than {FEWEST_STAGES} of a kind"


def _said(found: Difference, suite: str) -> str:
    return (
        f"{len(found.stages)} epochs, {len(found.other)} other stages, probabilities "
        f"up to {found.apart:.2g} apart ({SUITES[suite].apart:g} allowed)"
    )


def _pages(folder: Path, suite: str) -> list[str]:
    objects = shared_objects(folder)
    wrong = list(too_finely_aligned(objects))
    if not objects:
        wrong.append(f"{folder}: no shared objects")
    print(f"{suite}: {len(objects)} shared objects, {len(wrong)} not for 16-kB pages")
    return wrong


def _scratch(work: Path, *names: str) -> Path:
    folder = work / "-".join(names)
    folder.mkdir()
    return folder


if __name__ == "__main__":
    sys.exit(min(main(), 1))
