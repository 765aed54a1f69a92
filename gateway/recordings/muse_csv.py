"""CSV files of Muse headbands: Mind Monitor's and muselsl's.

Mind Monitor (https://mind-monitor.com/FAQ.php): ``TimeStamp`` in local time, EEG in
``RAW_TP9`` and so on, microvolts with an offset of about 800; rows of events have no
samples. muselsl (https://github.com/alexandrebarachant/muse-lsl): ``timestamps`` in
Unix seconds, ``TP9,AF7,AF8,TP10``, microvolts.
"""

import csv
from array import array
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gateway.drivers.muse_classic.derivations import DERIVATIONS
from gateway.errors import RecordingError
from gateway.recordings.headband_samples import HeadbandSamples, recording_of
from gateway.recordings.recording import Recording

SITES = ("TP9", "AF7", "AF8", "TP10")
LONGEST_LINE = 65536
MOST_ROWS = 64_000_000  # two days at 256 Hz are 44 million


class MuseCsv(NamedTuple):
    """A layout: the app, its columns, its times and its zero."""

    app: str
    time: str
    columns: tuple[str, ...]
    seconds: Callable[[str], float]
    zero_uv: float


def _wall_clock_s(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def _unix_s(text: str) -> float:
    """Return Unix seconds as seconds of the local wall clock."""
    local = datetime.fromtimestamp(float(text)).astimezone()
    offset = local.utcoffset()
    return float(text) + (offset.total_seconds() if offset else 0.0)


LAYOUTS = (
    MuseCsv(
        "Mind Monitor",
        "TimeStamp",
        tuple(f"RAW_{site}" for site in SITES),
        _wall_clock_s,
        800.0,
    ),
    MuseCsv("muselsl", "timestamps", SITES, _unix_s, 0.0),
)


def layout_of(path: Path) -> MuseCsv | None:
    """Return the layout of a file by its first line; None if it is none of these."""
    try:
        with path.open(encoding="utf-8-sig", errors="replace") as file:
            names = [name.strip() for name in file.readline(LONGEST_LINE).split(",")]
    except OSError:
        return None
    found = (x for x in LAYOUTS if {x.time, *x.columns} <= set(names))
    return next(found, None)


def read_muse_csv(path: Path, layout: MuseCsv) -> Recording:
    """Read a whole file.

    Raises
    ------
    RecordingError
        If it cannot be read, or its rows are no samples in time.
    """
    times, values = array("d"), array("f")
    try:
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            for time, row in _rows(csv.reader(file), layout):
                times.append(time)
                values.extend(row)
        if not times:
            raise ValueError("no row has samples")  # noqa: TRY301 (said with the path below)
        uv = np.frombuffer(values, np.float32).reshape(-1, len(SITES)).T
        start = datetime.fromtimestamp(times[0], tz=UTC)
        samples = HeadbandSamples(
            app=layout.app,
            labels=SITES,
            times_s=np.frombuffer(times, np.float64),
            microvolts=uv - np.float32(layout.zero_uv),
            start_local=start,
            derivations=dict(DERIVATIONS),
        )
        return recording_of(samples, path.stem)
    except OSError as error:
        raise RecordingError(f"{path}: {error.strerror or error}") from error
    except (ValueError, OverflowError, csv.Error) as error:
        raise RecordingError(f"{path}: {layout.app}: {error}") from error


def _rows(
    rows: Iterator[list[str]], layout: MuseCsv
) -> Iterator[tuple[float, list[float]]]:
    names = [name.strip() for name in next(rows)]
    at_time = names.index(layout.time)
    at = [names.index(column) for column in layout.columns]
    last = max(*at, at_time)
    for n, row in enumerate(rows, 2):
        if len(row) <= last or not all(row[k].strip() for k in at):
            continue  # an event, or cut off
        if n > MOST_ROWS:
            raise ValueError(f"more than {MOST_ROWS} rows")
        try:
            yield layout.seconds(row[at_time]), [float(row[k]) for k in at]
        except (ValueError, OverflowError) as error:
            raise ValueError(f"line {n}: {error}") from error
