"""Checks of a night in the morning: files, figures and what peers read in them."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import edfio

from gateway.recorder.folder import read_beside, recordings
from gateway.recorder.integrity import annotations, survey
from gateway.staging.stage import Stage

ROOT = Path(__file__).parents[3]
SLEEPGATE = (sys.executable, "-m", "gateway")
EPOCH_S = 30
NEAR_S = 1e-3
FEWEST_KAPPA = 0.4  # a hypnogram beside its place has next to none
FEWEST_COVERAGE = 0.75


class Peers(NamedTuple):
    """The Python of other people's programs."""

    readers: Path
    yasa: Path


class Left(NamedTuple):
    """What the night left on disk.

    Attributes
    ----------
    state : Path
        The daemon's.
    out : Path
        For what is made of it.
    played : tuple of Stage
        What the simulator played.
    """

    state: Path
    out: Path
    played: tuple[Stage, ...]

    @property
    def journal(self) -> Path:
        """Of the daemon."""
        return self.state / "sleepgate" / "journal.sqlite"

    @property
    def recordings(self) -> list[Path]:
        """All there are."""
        return recordings(self.state / "sleepgate" / "recordings")


def night_errors(left: Left, peers: Peers) -> Iterator[str]:
    """Look at everything, say what was found, and yield what is wrong."""
    if len(left.recordings) != 1:
        yield f"{len(left.recordings)} recordings, not 1"
        return
    recording = left.recordings[0]
    sessions = json.loads(run("journal", "ls", "--file", left.journal, "--json"))
    if len(sessions) != 1:
        yield f"{len(sessions)} sessions, not 1"
    night = _reported(left)
    yield from _read_alike(recording, night, peers)
    yield from _counted(recording)
    yield from _by_yasa(left, peers)
    yield from _compared(left)
    yield from _scored_again(left, recording, night)


def run(*arguments: object) -> str:
    """Run ``sleepgate`` and return what it prints."""
    command = (*SLEEPGATE, *map(str, arguments))
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)}: {done.stderr}")
    return done.stdout


def _reported(left: Left) -> dict[str, Any]:
    """Have the last session reported; return it as `night.v1`."""
    out = ("--journal", left.journal, "--out", left.out)
    run("report", *out, "--html", "--json")
    (path,) = left.out.glob("*_night.json")
    return dict(json.loads(path.read_bytes()))


def _read_alike(path: Path, night: dict[str, Any], peers: Peers) -> Iterator[str]:
    known = survey(path)
    if not known.is_whole:
        yield f"{path}: {known.n_promised} records promised, {known.n_records} there"
    command = (
        str(peers.readers),
        "-m",
        "tests.acceptance.recording.readers",
        str(path),
    )
    done = subprocess.run(command, stdout=subprocess.PIPE, cwd=ROOT, check=True)
    told = json.loads(done.stdout)
    yield from told["wrong"]
    ours = [_annotated(epoch) for epoch in night["epochs"]]
    theirs = [text for _, text in told["stages"]]
    if ours != theirs:
        yield f"{len(ours)} epochs were told, {len(theirs)} other stages are annotated"
    n_expected = known.n_records * known.header.signals[0].n_samples
    if told["n_samples"] != n_expected:
        yield f"{told['n_samples']} samples, not {n_expected}"
    print(
        f"  {path.name}: {path.stat().st_size / 1e6:.1f} MB, {told['n_samples']} "
        f"samples, {len(theirs)} stages, {told['gap_s']:.2f} s lost: "
        f"{', '.join(told['readers'])} agree",
        flush=True,
    )


def _annotated(epoch: dict[str, Any]) -> str:
    return f"Sleep stage {(epoch['stage'] or '?').replace('REM', 'R')}"


def _counted(path: Path) -> Iterator[str]:
    """See that the loss in the file is the loss that was counted."""
    beside = read_beside(path)
    if beside is None:
        yield f"{path}: nothing beside it"
        return
    gap_s = survey(path).account.missing_s("BAD_gap")
    counted_s, told = beside["loss"]["lost_s"], beside["annotated"]
    kept_s = told.get("unscored_s", 0.0)
    if abs(gap_s + kept_s - counted_s) > NEAR_S:
        yield f"{gap_s} s annotated and {kept_s} s kept, {counted_s} s counted"
    resumed = sum("Session resumed" in said.texts for said in annotations(path))
    if resumed != 3:
        yield f"resumed {resumed} times"
    print(
        f"  {counted_s:.2f} s counted as lost = {gap_s:.2f} s annotated as lost "
        f"+ {kept_s:.2f} s that the file has and the daemon could not score",
        flush=True,
    )


def _by_yasa(left: Left, peers: Peers) -> Iterator[str]:
    (night,) = left.out.glob("*_night.json")
    command = (str(peers.yasa), "tests/acceptance/yasa_peer.py", "--night", str(night))
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=ROOT, check=False
    )
    if done.returncode:
        yield done.stderr.strip()
    for line in done.stdout.splitlines():
        print(f"  {line}", flush=True)


def _compared(left: Left) -> Iterator[str]:
    """Compare with what was played, as a user would."""
    (night,) = left.out.glob("*_night.json")
    expert = left.out / "played-Hypnogram.edf"
    epochs = [
        edfio.EdfAnnotation(EPOCH_S * i, EPOCH_S, stage.edf_annotation)
        for i, stage in enumerate(left.played)
    ]
    edfio.Edf([], annotations=epochs).write(expert)
    for options in ((), ("--final",)):
        print(run("compare", night, expert, *options), flush=True)
    found = json.loads(run("compare", night, expert, "--json"))["epochs"]
    if found["kappa"] < FEWEST_KAPPA or found["coverage"] < FEWEST_COVERAGE:
        yield f"kappa {found['kappa']}, coverage {found['coverage']}"


def _scored_again(left: Left, path: Path, night: dict[str, Any]) -> Iterator[str]:
    """See that the file alone gives what was said in the night, bit for bit."""
    run("score", path, "--out", "json", "--into", left.out / "again")
    (again,) = (left.out / "again").glob("*_night.json")
    epochs = json.loads(again.read_bytes())["epochs"]
    n_live = len(night["epochs"])
    same = sum(
        (mine["stage"], mine["proba"]) == (its["stage"], its["proba"])
        for mine, its in zip(night["epochs"], epochs, strict=False)
    )
    if same < n_live:
        yield f"only {same} of {n_live} epochs are scored off-line as they were live"
    print(f"  {same} of {n_live} epochs: the file scores as the night did", flush=True)
