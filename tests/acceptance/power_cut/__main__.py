"""Write, cut the power, and look at what is left."""

import argparse
import random
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from tests.acceptance.power_cut.kills import kill_everywhere
from tests.acceptance.power_cut.rig import RigError, logged_disk, survivor
from tests.acceptance.power_cut.subject import Subject, load_all
from tests.acceptance.power_cut.write_log import (
    Event,
    Flush,
    Image,
    Loss,
    Marked,
    Write,
    cut_at,
    read_log,
)

SHOWN = 5  # of what is wrong
BEGIN, END = {"power-cut": "begin"}, {"power-cut": "end"}


def main() -> None:
    """Try the subjects asked for; exit status 1 if one is not as it must be."""
    subjects = load_all()
    parser = argparse.ArgumentParser(prog="scripts/test-power-cut", description=__doc__)
    parser.add_argument("subjects", nargs="*", metavar="SUBJECT", default=[*subjects])
    parser.add_argument("--cuts", type=int, default=200, help="instants; 3 disks each")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--megabytes", type=int, default=32, help="of the disk")
    parser.add_argument(
        "--kill", action="store_true", help="kill the writer instead, everywhere"
    )
    parser.add_argument("--mount", default="defaults", help="options, e.g. noatime")
    options = parser.parse_args()
    if unknown := set(options.subjects) - subjects.keys():
        parser.error(f"no {', '.join(unknown)}; there is {', '.join(subjects)}")
    wrong = 0
    for name in options.subjects:
        if options.kill:
            wrong += not _kill(name, subjects[name])
            continue
        try:
            wrong += not _try(name, subjects[name], options)
        except RigError as error:
            sys.exit(f"{name}: {error}")
    sys.exit(wrong > 0)


def _kill(name: str, subject: Subject) -> bool:
    print(f"{name}: kill -9 before every call that changes the disk", flush=True)
    n_kills, wrong = kill_everywhere(name)
    shown = [] if subject.must_fail_killed else wrong[:SHOWN]
    print(f"  {n_kills} kills, {len(wrong)} times something wrong", *shown)
    return bool(wrong) is subject.must_fail_killed


def _try(name: str, subject: Subject, options: argparse.Namespace) -> bool:
    print(f"{name}: {subject.what}", flush=True)
    with tempfile.TemporaryDirectory(prefix="sleepgate-power-") as scratch:
        work = Path(scratch)
        with logged_disk(work, options.megabytes, options.mount) as disk:
            disk.mark(BEGIN)
            subject.write(disk.folder, disk.mark)
            disk.mark(END)
        found = _cut(subject, work, options)
    for loss, counted in found.items():
        print(f"  {loss.value}: {counted[True]} of {counted.total()} disks wrong")
    is_harmed = any(counted[True] for counted in found.values())
    if is_harmed is not subject.must_fail:
        print("  FAILED" + ("" if is_harmed else ": this control must be harmed"))
    return is_harmed is subject.must_fail


def _cut(
    subject: Subject, work: Path, options: argparse.Namespace
) -> dict[Loss, Counter[bool]]:
    """Count, for each kind of loss, the disks on which something is wrong."""
    with (work / "log").open("rb") as file:
        events = [*read_log(file)]
    begin, end = (events.index(Marked(mark)) for mark in (BEGIN, END))
    _tell(events[begin:end])
    dice = random.Random(options.seed)  # noqa: S311 - repeatable
    instants = range(begin + 1, end + 1)
    cuts = sorted(dice.sample(instants, min(options.cuts, len(instants))))
    found: dict[Loss, Counter[bool]] = {loss: Counter() for loss in Loss}
    left = 0 if subject.must_fail else SHOWN
    for image in cut_at(events, options.megabytes << 20, cuts, dice):
        wrong = _judge(subject, image, work, options.mount)
        found[image.loss][bool(wrong)] += 1
        if wrong and left:
            left -= 1
            print(f"  event {image.event}, {image.loss.value}: {wrong[:SHOWN]}")
    return found


def _tell(events: list[Event]) -> None:
    writes = [event for event in events if isinstance(event, Write)]
    n_flushes = sum(isinstance(event, Flush) for event in events)
    n_bytes = sum(len(write.data) for write in writes)
    n_marks = sum(isinstance(event, Marked) for event in events) - 1
    print(
        f"  {n_marks} promises, {len(writes)} writes, {n_bytes / 1e6:.1f} MB, "
        f"{n_flushes} flushes",
        flush=True,
    )


def _judge(subject: Subject, image: Image, work: Path, options: str) -> list[str]:
    file, folder = work / "image", work / "survivor"
    folder.mkdir(exist_ok=True)
    file.write_bytes(image.data)
    promises = [promise for promise in image.promises if promise != BEGIN]
    try:
        with survivor(file, folder, options):
            wrong = [*subject.find_errors(folder, promises)]
    except RigError as error:
        wrong = [str(error)]
    else:
        check = ("fsck.ext4", "-fn", str(file))
        done = subprocess.run(check, capture_output=True, text=True, check=False)
        if done.returncode:
            wrong.append(f"the file system is damaged: {done.stdout}")
    return wrong


if __name__ == "__main__":
    main()
