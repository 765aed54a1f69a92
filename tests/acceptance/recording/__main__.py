"""Kill a recorder a thousand times, and record ten hours in bounded memory."""

import argparse
import random
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from gateway.acquisition.montage import Channel, Modality, Montage, Stream
from gateway.acquisition.packets import SampleBlock
from gateway.edf.record_writer import RecordWriter
from gateway.edf.signals import lay_out
from tests.acceptance.recording.kill import KILLS_A_NIGHT, one_night
from tests.acceptance.recording.readers import READERS, look, opens

HOUR_S = 3600
PROGRESS = 50  # nights


def main() -> None:
    """Exit status 1 if anything is not as it must be."""
    parser = argparse.ArgumentParser(prog="scripts/test-recording", description=__doc__)
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--hours", type=int, default=10)
    options = parser.parse_args()
    wrong = _kill(options.kills, options.seed) + _long_night(options.hours)
    sys.exit(wrong > 0)


def _kill(n_kills: int, seed: int) -> int:
    dice = random.Random(seed)  # noqa: S311 - repeatable
    opened: Counter[str] = Counter()
    kills = wrong = nights = 0
    began = time.monotonic()

    def as_it_is(path: Path) -> Iterator[str]:
        nonlocal kills
        kills += 1
        opened.update(name for name, read in READERS.items() if opens(read, path))
        yield from ()

    while kills < n_kills:
        nights += 1
        with tempfile.TemporaryDirectory(prefix="sleepgate-kill-") as folder:
            found = [*one_night(Path(folder), dice, look=look, look_before=as_it_is)]
        wrong += bool(found)
        for line in found[:3]:
            print(f"  night {nights}: {line}", flush=True)
        if nights % PROGRESS == 0:
            print(f"  {kills} kills so far", flush=True)
    took_s = time.monotonic() - began
    print(f"{kills} kills in {nights} nights of up to {KILLS_A_NIGHT}: {wrong} wrong")
    for name in READERS:
        print(f"  {name} opens {opened[name]} of {kills} as the kill left them")
    print(f"  {took_s:.0f} s")
    return wrong


def _long_night(hours: int) -> int:
    """Record 8 channels at 256 Hz into nothing, and watch the memory."""
    channels = tuple(Channel(f"E{n}", Modality.EEG, 0.05) for n in range(8))
    records = RecordWriter(lay_out(Montage((Stream(256.0, channels),))), 0)
    present, dice = np.ones(256, np.bool_), np.random.default_rng(0)
    uv = np.float32(0.05) * dice.integers(-99, 99, (8, 256)).astype(np.float32)
    n_bytes, peaks_kb = 0, []
    for second in range(hours * HOUR_S):
        block = SampleBlock(second, (uv,), (present,), float(second), (256 * second,))
        n_bytes += sum(map(len, records.push(block)))
        if second % HOUR_S == HOUR_S - 1:
            peaks_kb.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    grown_kb = peaks_kb[-1] - peaks_kb[0]
    print(f"{hours} h of 8 channels at 256 Hz: {n_bytes / 1e6:.0f} MB of records")
    print(f"  memory at its peak {peaks_kb[-1] / 1e3:.0f} MB, grown by {grown_kb} kB")
    return grown_kb > HOUR_S


if __name__ == "__main__":
    main()
