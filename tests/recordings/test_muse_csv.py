"""CSV files of Muse headbands, in the layouts of public samples, made small."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from gateway.errors import RecordingError
from gateway.offline.score_file import ScoreOptions, stage_file
from gateway.offline.score_recording import packets
from gateway.recordings.open_recording import is_recording, open_night
from gateway.staging.stage import Refusal, Stage

SITES = ("TP9", "AF7", "AF8", "TP10")
START = datetime(2026, 3, 1, 23, 0, 5, tzinfo=UTC)
RATE = 256.0


def samples(seconds, gap=(0, 0)):
    rng = np.random.default_rng(1)
    n = int(seconds * RATE)
    uv = rng.normal(0, 20, (n, 4)) + 40 * np.sin(np.arange(n) / RATE * 6.28)[:, None]
    for k in range(n):
        if not gap[0] <= k / RATE < gap[1]:
            yield k / RATE, uv[k]


def mind_monitor(path, rows):
    names = ["TimeStamp", "Delta_TP9", *(f"RAW_{x}" for x in SITES), "Elements"]
    lines = [",".join(names), "2026-03-01 23:00:05.000,,,,,,/muse/event/connected M"]
    for at_s, uv in rows:
        packet_s = at_s // (12 / RATE) * (12 / RATE)  # twelve samples arrive at once
        clock = (START + timedelta(seconds=packet_s)).replace(tzinfo=None)
        values = ",".join(f"{800 + x:.4f}" for x in uv)
        lines.append(f"{clock.isoformat(' ', 'milliseconds')},0.5,{values},")
    path.write_text("\n".join(lines) + "\n")
    return path


def muselsl(path, rows):
    lines = ["timestamps,TP9,AF7,AF8,TP10,Right AUX"]
    for at_s, uv in rows:
        values = ",".join(f"{x:.3f}" for x in uv)
        lines.append(f"{START.timestamp() + at_s:.3f},{values},0.000")
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize("write", [mind_monitor, muselsl])
def test_rate_times_and_gaps_are_those_of_the_rows(write, tmp_path):
    rows = list(samples(60, gap=(20, 25)))
    path = write(tmp_path / "night.csv", rows)
    assert is_recording(path)
    recording = open_night(path)
    (stream,) = recording.montage.streams
    assert stream.sfreq == pytest.approx(RATE, rel=2e-3)
    assert recording.duration_s == pytest.approx(60, abs=0.1)
    if write is mind_monitor:
        assert recording.start_utc == START
    ((first, stop),) = recording.missing
    assert first / RATE == pytest.approx(20, abs=0.2)
    assert stop / RATE == pytest.approx(25, abs=0.2)
    n_there = sum(packet.counts.shape[1] for packet in packets(recording))
    assert n_there == len(rows)
    uv = stream.to_microvolts(recording.counts[0][:, :100].astype(np.int32))
    assert np.abs(uv.T - [uv for _, uv in rows[:100]]).max() < 0.03
    (note,) = recording.notes
    assert "Hz measured" in note
    assert "5.0 s missing in 1 gaps" in note or "4.9 s missing in 1 gaps" in note


def test_a_night_is_scored_with_the_headbands_own_derivations(tmp_path):
    path = muselsl(tmp_path / "night.csv", samples(150, gap=(60, 90)))
    night = stage_file(path, ScoreOptions())
    assert len(night.epochs) in {4, 5}
    assert isinstance(night.stages[0], Stage)
    assert night.stages[2] is Refusal.GAP
    assert any("read as muselsl" in note for note in night.notes)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("timestamps,TP9,AF7,AF8,TP10\n", "no row has samples"),
        ("timestamps,TP9,AF7,AF8,TP10\n1,1,1,1,1\n", "too few"),
        ("timestamps,TP9,AF7,AF8,TP10\nx,1,1,1,1\n", "line 2"),
    ],
)
def test_what_is_no_night_is_refused(text, problem, tmp_path):
    path = tmp_path / "night.csv"
    path.write_text(text)
    with pytest.raises(RecordingError, match=problem):
        open_night(path)


def test_a_table_of_stages_is_no_recording(tmp_path):
    path = tmp_path / "a_hypnogram.csv"
    path.write_text("Epoch,Stage\n0,0\n")
    assert not is_recording(path)
