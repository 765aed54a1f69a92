"""A recorder whose disk fills, fails, is taken away, and comes back."""

import errno
import fcntl
import json
import os
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from gateway.acquisition.loss_counts import LossCounts
from gateway.acquisition.montage import Channel, HeadbandInfo, Modality, Montage, Stream
from gateway.edf.record_writer import KEPT
from gateway.errors import RecordingError, SinkError
from gateway.messages.outputs import (
    Availability,
    NightEpochs,
    RecordingState,
    SessionState,
    SignalBegins,
)
from gateway.recorder import folder as folders
from gateway.recorder.folder import is_being_written
from gateway.recorder.integrity import annotations, survey
from gateway.recorder.recorder import AGAIN_S, DiskLimits, Recorder
from gateway.recorder.recording_file import reopen
from gateway.recorder.session_file import FileWriter
from gateway.staging.events import EventKind, SleepEvent
from gateway.staging.scored_epoch import ScoredEpoch
from tests.acceptance.recording.night import (
    BEGAN,
    DEVICE,
    begins,
    outputs,
    reading,
    recording_errors,
    stages_in,
    stages_of,
)
from tests.acceptance.recording.night import second as second_of
from tests.support.edf_recordings import ours

SCHEMA = json.loads(
    (
        Path(__file__).parents[2] / "gateway/formats/schemas/recording.v1.json"
    ).read_text()
)
NIGHT_S = 130


class Clock:
    def __init__(self):
        self.t = 0.0

    def __call__(self):
        return self.t


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def recorder(tmp_path, clock):
    made = Recorder(tmp_path, DiskLimits(0, None), FileWriter("test", None, clock))
    made.begin()
    return made


def play(recorder, start, end, clock=None):
    for second, value in outputs(start, end):
        if clock is not None:
            clock.t = float(second)
        recorder.take(reading(value))


def end(recorder):
    recorder.take(reading(SessionState(RecordingState.ENDED, BEGAN, BEGAN, 4)))
    recorder.close()


def the_file(folder):
    (path,) = folders.recordings(folder)
    return path


def texts(path):
    return [text for said in annotations(path) for text in said.texts]


def document(path):
    found = json.loads(folders.beside(path).read_text())
    jsonschema.validate(found, SCHEMA)
    return found


def test_only_its_owner_may_read_it(tmp_path):
    folder = tmp_path / "state" / "recordings"
    recorder = Recorder(folder, DiskLimits(0, None), FileWriter("test"))
    recorder.begin()
    play(recorder, 0, 31)
    assert folder.stat().st_mode & 0o777 == 0o700
    for path in folder.iterdir():
        assert path.stat().st_mode & 0o777 == 0o600
    recorder.close()


def test_the_json_beside_it_says_what_the_signals_do_not(tmp_path, recorder):
    play(recorder, 0, 100)
    recorder.take(
        reading(LossCounts(packets=7, lost_s=1.5, sfreq_hz=100.1, drift_ppm=3.0))
    )
    assert document(the_file(tmp_path))["state"] == "recording"
    end(recorder)
    path = the_file(tmp_path)
    told = document(path)
    assert told["state"] == "ended"
    assert told["file"] == path.name
    assert told["start"] == "2026-02-12T22:01:05.345Z"
    assert told["measured"] == {"sfreq_hz": 100.1, "drift_ppm": 3.0}
    assert told["loss"]["lost_s"] == 1.5
    assert told["epochs"] == {"total": 3, "scored": 3}
    assert told["data_records"] == survey(path).n_records == 100
    assert told["inputs"] == {"EEG Fpz-Cz": ["Fpz-Cz"], "EOG horizontal": ["EOG"]}


def test_a_full_disk_pauses_the_recording_and_it_goes_on_in_the_same_file(
    tmp_path, clock, monkeypatch, caplog
):
    told = []
    limits, writer = DiskLimits(500, None), FileWriter("test", None, clock)
    recorder = Recorder(tmp_path, limits, writer, tell=lambda *each: told.append(each))
    recorder.begin()
    free = [1000.0]
    monkeypatch.setattr(folders, "free_mb", lambda _: free[0])
    play(recorder, 0, 50, clock)
    free[0] = 499.0
    recorder.tick()
    play_on = list(outputs(50, 100))
    for second, value in play_on[1:]:
        clock.t = float(second)
        recorder.take(reading(value))
    why = "less than 500 MB free"
    assert (recorder.files, recorder.paused) == ({}, {DEVICE: why})
    assert survey(the_file(tmp_path)).n_records == 50
    assert not is_being_written(the_file(tmp_path))
    free[0] = 520.0  # not enough more to go on
    recorder.take(reading(list(outputs(100, 102))[1][1]))
    assert survey(the_file(tmp_path)).n_records == 50
    free[0] = 1000.0
    clock.t = 140.0
    play(recorder, 102, NIGHT_S)
    path = the_file(tmp_path)
    assert (recorder.files, recorder.paused) == ({DEVICE: path.name}, {})
    end(recorder)
    assert told == [(DEVICE, why), (DEVICE, "")]
    assert [*recording_errors(path, [range(50, 102)], NIGHT_S)] == []
    assert stages_in(path) == stages_of(4)
    assert {f"Marker: mark {n}" for n in range(0, NIGHT_S, 7)} <= set(texts(path))
    assert "Not recorded: less than 500 MB free" in texts(path)
    assert survey(path).account.missing_s("BAD_unrecorded") == 52
    assert "recording pauses" in caplog.text
    assert "recording goes on" in caplog.text


@pytest.mark.parametrize("share", [0.0, 0.4])
def test_a_disk_that_refuses_is_tried_again_and_nothing_else_is_lost(
    tmp_path, recorder, clock, monkeypatch, share
):
    works, write = [True], os.pwrite

    def pwrite(fd, raw, at):
        if not works[0]:
            write(fd, raw[: int(len(raw) * share)], at)
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(fd, raw, at)

    monkeypatch.setattr(os, "pwrite", pwrite)
    play(recorder, 0, 58, clock)
    works[0] = False
    rest = list(outputs(58, NIGHT_S))[1:]
    for second, value in rest:
        clock.t = float(second)
        works[0] = second >= 58 + 0.5 * AGAIN_S
        recorder.take(reading(value))
    end(recorder)
    path = the_file(tmp_path)
    known = survey(path)
    n_lost = round(known.account.missing_s("BAD_unrecorded"))
    assert AGAIN_S - 1 <= n_lost <= AGAIN_S + 3
    first = min(
        said.onset_us for said in annotations(path) if "BAD_unrecorded" in said.texts
    )
    hole = round((first - known.offset_us) / 1e6)
    assert [*recording_errors(path, [range(hole, hole + n_lost)], NIGHT_S)] == []
    assert stages_in(path) == stages_of(4)
    for n in range(0, NIGHT_S, 7):
        assert texts(path).count(f"Marker: mark {n}") == 1


def test_a_disk_that_works_again_at_the_end_gets_the_stages(
    tmp_path, recorder, clock, monkeypatch
):
    works, write = [True], os.pwrite

    def pwrite(fd, raw, at):
        if not works[0]:
            raise OSError(errno.EIO, "Input/output error")
        return write(fd, raw, at)

    monkeypatch.setattr(os, "pwrite", pwrite)
    play(recorder, 0, 40, clock)
    works[0] = False
    for _, value in list(outputs(40, 121))[1:]:
        recorder.take(reading(value))
    works[0] = True
    end(recorder)
    path = the_file(tmp_path)
    assert stages_in(path) == stages_of(4)
    assert [*recording_errors(path, [range(39, 120)], 39)] == []


def test_a_disk_that_takes_no_json_is_tried_again(
    tmp_path, recorder, clock, monkeypatch, caplog
):
    works, write = [False], folders.write_beside

    def write_beside(path, document):
        if not works[0]:
            raise OSError(errno.EIO, "Input/output error")
        write(path, document)

    monkeypatch.setattr(folders, "write_beside", write_beside)
    play(recorder, 0, 20, clock)
    works[0] = True
    clock.t = AGAIN_S + 1
    play(recorder, 20, 61)
    end(recorder)
    assert "Input/output error" in caplog.text
    assert [*recording_errors(the_file(tmp_path), [range(20)], 61)] == []


def test_a_file_that_another_process_writes_is_left_alone(tmp_path, recorder, caplog):
    play(recorder, 0, 31)
    second = Recorder(tmp_path, DiskLimits(0, None), FileWriter("test"))
    second.begin()
    play(second, 31, 60)
    assert "unavailable" in caplog.text
    end(recorder)
    assert survey(the_file(tmp_path)).n_records == 31


def test_other_settings_begin_another_part(tmp_path, recorder):
    play(recorder, 0, 31)
    recorder.close()
    changed = begins()
    montage = Montage((Stream(100.0, (Channel("Fpz-Cz", Modality.EEG, 0.1),)),))
    again = Recorder(tmp_path, DiskLimits(0, None), FileWriter("test"))
    again.begin()
    again.take(
        reading(
            SignalBegins(
                info=HeadbandInfo(montage),
                start_utc=changed.start_utc,
                synchronised=False,
                derivations={},
                mains_hz=50,
            )
        )
    )
    again.take(reading(two_channels_less(40)))
    again.close()
    one, two = folders.recordings(tmp_path)
    assert two.stem == f"{one.stem}_2"
    assert survey(one).n_records == 31


def two_channels_less(number):
    for second, value in outputs(number, number + 1):
        if second == number and hasattr(value, "uv"):
            return type(value)(
                number, (value.uv[0][:1],), value.present[:1], 0.0, value.first[:1]
            )
    raise AssertionError


def test_a_damaged_file_is_kept_and_another_part_begins(tmp_path, recorder):
    play(recorder, 0, 31)
    recorder.close()
    path = the_file(tmp_path)
    damaged = b"\x00" * 600 + path.read_bytes()[600:]
    path.write_bytes(damaged)
    again = Recorder(tmp_path, DiskLimits(0, None), FileWriter("test"))
    again.begin()
    play(again, 31, 61)
    again.close()
    assert path.read_bytes() == damaged
    assert [p.stem for p in folders.recordings(tmp_path)][-1] == f"{path.stem}_2"


@pytest.mark.parametrize("n_bytes", [0, 100, 256, 700, 1279, 1280, 1900])
def test_a_file_cut_off_within_its_first_record_is_begun_anew(
    tmp_path, recorder, n_bytes
):
    play(recorder, 0, 31)
    recorder.close()
    path = the_file(tmp_path)
    path.write_bytes(path.read_bytes()[:n_bytes])
    again = Recorder(tmp_path, DiskLimits(0, None), FileWriter("test"))
    again.begin()
    play(again, 0, 31)
    again.close()
    assert [*recording_errors(the_file(tmp_path), [], 31)] == []


def test_stages_that_a_crash_took_are_written_when_the_session_goes_on(
    tmp_path, recorder
):
    play(recorder, 0, 89)
    recorder.close()
    epochs = [v for _, v in outputs(0, 120) if isinstance(v, ScoredEpoch)]
    again = Recorder(tmp_path, DiskLimits(0, None), FileWriter("test"))
    again.begin()
    again.take(reading(NightEpochs(tuple(epochs[:3]), final=False)))
    play(again, 100, NIGHT_S)
    again.take(reading(NightEpochs(tuple(epochs), final=True)))
    end(again)
    path = the_file(tmp_path)
    assert stages_in(path) == stages_of(4)
    assert [*recording_errors(path, [range(89, 100)], NIGHT_S)] == []


def test_what_came_before_the_file_was_begun_was_not_recorded(tmp_path, recorder):
    recorder.take(reading(begins()))
    for second, value in outputs(50, NIGHT_S):
        if second > 50:
            recorder.take(reading(value))
    end(recorder)
    path = the_file(tmp_path)
    first = min(s for s in range(51, NIGHT_S) if second_of(s).present[0].any())
    account = survey(path).account
    assert account.missing_s("BAD_unrecorded") == first
    assert [*recording_errors(path, [range(first)], NIGHT_S)] == []


def test_what_was_recorded_of_an_epoch_that_was_never_scored_is_reported(
    tmp_path, recorder
):
    killed, back = 77, 90
    play(recorder, 0, killed)
    recorder.close()
    epochs = [v for _, v in outputs(0, 60) if isinstance(v, ScoredEpoch)]
    again = Recorder(tmp_path, DiskLimits(0, None), FileWriter("test"))
    again.begin()
    again.take(reading(NightEpochs(tuple(epochs), final=False)))
    play(again, back, NIGHT_S)
    end(again)
    path = the_file(tmp_path)
    assert [*recording_errors(path, [range(killed, back)], NIGHT_S)] == []
    annotated = document(path)["annotated"]
    there = [second_of(number).present for number in range(60, killed)]
    eeg, emg = (np.concatenate([each[at] for each in there]) for at in range(2))
    kept = {
        label: sum(
            (said.duration_us or 0) / 1e6
            for said in annotations(path)
            if {KEPT, f"{KEPT}@@{label}"} & set(said.texts)
        )
        for label in ("EEG Fpz-Cz", "EOG EOG", "EMG EMG")
    }
    assert kept == {
        "EEG Fpz-Cz": pytest.approx(eeg.sum() / 100),
        "EOG EOG": pytest.approx(eeg.sum() / 100),
        "EMG EMG": pytest.approx(emg.sum()),
    }
    assert 0 < eeg.sum() < eeg.size  # there was a gap in it
    assert annotated["unscored_s"] == pytest.approx(max(kept.values()))


def test_a_file_of_zeros_after_its_header_is_gone_on_with(tmp_path, recorder):
    play(recorder, 0, 31)
    recorder.close()
    path = the_file(tmp_path)
    path.write_bytes(path.read_bytes()[:1280] + bytes(9000))
    again = Recorder(tmp_path, DiskLimits(0, None), FileWriter("test"))
    again.begin()
    play(again, 0, 31)
    again.close()
    assert [*recording_errors(the_file(tmp_path), [], 31)] == []


def test_what_was_cut_off_within_a_record_is_mended(tmp_path, recorder):
    play(recorder, 0, 61)
    recorder.close()
    path = the_file(tmp_path)
    whole = path.read_bytes()
    for cut in (1, 300, 601):
        path.write_bytes(whole[:-cut])
        file, known = reopen(path)
        file.close()
        assert known.n_records == 60
        assert survey(path).is_whole
    path.write_bytes(whole + whole[-400:] + b"\x00" * 5000)  # a tail of the disk's own
    reopen(path)[0].close()
    assert path.read_bytes() == whole


def test_what_is_no_recording_is_refused(tmp_path):
    path = tmp_path / "x.edf"
    path.write_bytes(b"nothing")
    with pytest.raises(RecordingError, match=r"x\.edf: not an EDF"):
        reopen(path)
    with pytest.raises(RecordingError, match="No such file"):
        survey(tmp_path / "absent.edf")


def test_old_recordings_go_but_never_the_one_that_is_written(tmp_path, clock):
    now_s = 1e9
    recorder = Recorder(
        tmp_path, DiskLimits(0, 10), FileWriter("test", None, clock), lambda: now_s
    )
    for name, days in (("old", 11), ("new", 9)):
        for ending, content in (
            (".edf", ours(1)),
            (".json", b'{"file": "%b.edf"}' % name.encode()),
        ):
            path = tmp_path / f"{name}{ending}"
            path.write_bytes(content)
            os.utime(path, (now_s - days * 86_400,) * 2)
    recorder.begin()
    assert {path.name for path in tmp_path.iterdir()} == {"new.edf", "new.json"}
    play(recorder, 0, 31)
    running = next(
        path for path in folders.recordings(tmp_path) if "new" not in str(path)
    )
    os.utime(running, (0, 0))
    clock.t = 2 * 86_400
    now_s += 2 * 86_400
    recorder.tick()
    assert folders.recordings(tmp_path) == [running]
    recorder.close()


def test_a_folder_that_cannot_be_is_reported_at_once(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    recorder = Recorder(
        tmp_path / "file" / "below", DiskLimits(0, None), FileWriter("test")
    )
    with pytest.raises(SinkError, match="Not a directory"):
        recorder.begin()


def test_what_happened_before_the_first_sample_is_reported_at_the_start(
    tmp_path, recorder
):
    recorder.take(reading(Availability(online=True, reason="samples arrive")))
    recorder.take(reading(SleepEvent(EventKind.LIGHTS_OFF, BEGAN)))
    play(recorder, 0, 31)
    end(recorder)
    at = {text: a.onset_us for a in annotations(the_file(tmp_path)) for text in a.texts}
    assert at["Lights off"] == at["Link up"] == 345_678


def test_a_clock_that_is_set_and_a_session_that_goes_on_are_reported(
    tmp_path, recorder
):
    play(recorder, 0, 40)
    step = SleepEvent(EventKind.CLOCK_STEP, BEGAN, 1, second=35.0, step_s=-3600.0)
    recorder.take(reading(step))
    recorder.take(reading(SleepEvent(EventKind.SESSION_RESUMED, BEGAN, 1, second=38.0)))
    play(recorder, 40, 61)
    end(recorder)
    at = {text: a.onset_us for a in annotations(the_file(tmp_path)) for text in a.texts}
    assert at["Clock set by -3600.000 s"] == pytest.approx(35_345_678, abs=20_000)
    assert at["Session resumed"] == pytest.approx(38_345_678, abs=20_000)


def test_a_lost_link_is_reported_where_the_signal_ends_and_begins_again(
    tmp_path, recorder
):
    play(recorder, 0, 40)
    recorder.take(reading(Availability(online=False, reason="no sample for 5 s")))
    recorder.take(reading(Availability(online=True, reason="samples arrive")))
    play(recorder, 55, 61)
    end(recorder)
    path = the_file(tmp_path)
    at = {
        text: (a.onset_us - 345_678) / 1e6
        for a in annotations(path)
        for text in a.texts
    }
    assert at["Link lost: no sample for 5 s"] == pytest.approx(40, abs=1)
    assert at["Link up"] == pytest.approx(55, abs=1)
    assert [*recording_errors(path, [range(40, 55)], 61)] == []


def test_readings_that_never_came_are_annotated(tmp_path, recorder):
    play(recorder, 0, 40)
    recorder.missed(12)
    play(recorder, 52, 61)
    end(recorder)
    path = the_file(tmp_path)
    assert [*recording_errors(path, [range(40, 52)], 61)] == []
    assert {"Recording too slow", "BAD_unrecorded"} <= set(texts(path))


def test_a_lock_is_not_in_the_way_of_reading(tmp_path, recorder):
    play(recorder, 0, 31)
    path = the_file(tmp_path)
    assert is_being_written(path)
    assert survey(path).is_whole
    with path.open("rb") as file, pytest.raises(BlockingIOError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    recorder.close()
    assert not is_being_written(path)
