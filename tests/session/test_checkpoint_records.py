"""A night file that was cut anywhere is good up to there, and believed no further."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.acquisition.checkpoint import (
    GridCheckpoint,
    RateCheckpoint,
    StreamCheckpoint,
)
from gateway.acquisition.loss_counts import LossCounts
from gateway.acquisition.montage import Channel, HeadbandInfo, Modality, Montage, Stream
from gateway.messages.outputs import RecordingState, SessionState
from gateway.preprocessing.signal_quality import Flaw, Quality
from gateway.session.resume import (
    ClockInstant,
    ClockOrLightsChanged,
    Ending,
    EpochScored,
    SessionClosed,
    SessionOpened,
    SessionReopened,
    interrupted_session,
    read,
    write,
)
from gateway.staging.lights import Lights
from gateway.staging.scored_epoch import ScoredEpoch
from gateway.staging.stage import Refusal, Stage

UTCS = st.datetimes(datetime(1970, 1, 2), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 (bounds are naive)
SECONDS = st.floats(0, 1e7)
MAYBE = st.none() | st.floats(-1, 1)
COUNTS = st.integers(0, 2**40)
INFO = HeadbandInfo(
    Montage(
        (
            Stream(256.0, (Channel("AF7", Modality.EEG, 0.0885, 8192, 0, 16383),)),
            Stream(1.0, (Channel("EMG", Modality.EMG, 0.1),), 2**16, rough_rate=True),
        )
    ),
    tick_hz=1000.0,
    boot_id=7,
)
MOMENTS = st.builds(
    ClockInstant, st.text("abc-", max_size=9), SECONDS, UTCS, st.booleans()
)
GRIDS = st.builds(
    GridCheckpoint,
    COUNTS,
    SECONDS,
    st.floats(0, 1),
    st.none() | COUNTS,
    st.tuples(
        st.builds(
            StreamCheckpoint, COUNTS, st.none() | COUNTS, COUNTS, SECONDS, st.booleans()
        )
    ),
    st.builds(RateCheckpoint, MAYBE, COUNTS, st.none() | SECONDS),
    st.builds(
        LossCounts, COUNTS, COUNTS, COUNTS, COUNTS, SECONDS, COUNTS, MAYBE, MAYBE
    ),
)
STATES = st.builds(
    SessionState,
    st.just(RecordingState.RECORDING),
    st.none() | UTCS,
    st.none(),
    COUNTS,
    st.builds(Lights, st.none() | COUNTS, st.none() | UTCS, st.none(), st.none()),
    st.booleans(),
    st.integers(0, 9),
)
QUALITY = st.builds(
    Quality,
    st.frozensets(st.sampled_from(Flaw)),
    st.floats(0, 30),
    st.floats(0, 1),
    st.none() | st.text(max_size=9),
)
EPOCHS = st.builds(
    ScoredEpoch,
    index=COUNTS,
    start_utc=UTCS,
    stage=st.sampled_from([*Stage, *Refusal]),
    hypnodensity=st.just(()) | st.tuples(*[st.floats(0, 1)] * 5),
    quality=st.tuples(QUALITY, QUALITY),
    asleep=st.none() | st.booleans(),
    t_rx=SECONDS,
    span=st.tuples(st.builds(range, COUNTS, COUNTS)),
    clock_synchronised=st.booleans(),
)
OPENED = st.builds(
    SessionOpened,
    st.text(max_size=26),
    st.text(max_size=9),
    st.just(INFO),
    STATES,
    GRIDS,
    MOMENTS,
)
RECORDS = st.one_of(
    OPENED,
    st.builds(EpochScored, EPOCHS, GRIDS, MOMENTS),
    st.builds(ClockOrLightsChanged, STATES, MOMENTS),
    st.builds(SessionClosed, st.sampled_from(Ending), MOMENTS),
    st.builds(SessionReopened, STATES, GRIDS, MOMENTS),
)
NIGHTS = st.builds(
    lambda first, others: [first, *others], OPENED, st.lists(RECORDS, max_size=5)
)


@settings(max_examples=50)
@given(RECORDS)
def test_what_is_written_is_read(record):
    line = write(record)
    assert read(line) == ((record,), len(line))
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1


@settings(max_examples=40)
@given(NIGHTS, st.data())
def test_a_file_cut_anywhere_is_good_up_to_its_last_whole_line(night, data):
    lines = [write(record) for record in night]
    whole = b"".join(lines)
    cut = data.draw(st.integers(0, len(whole)))
    records, n_bytes = read(whole[:cut])
    n_whole = len(records)
    assert list(records) == night[:n_whole]
    assert n_bytes == sum(map(len, lines[:n_whole])) <= cut
    assert n_whole == len(lines) or cut < n_bytes + len(lines[n_whole])


@settings(max_examples=40)
@given(NIGHTS, st.data())
def test_a_byte_that_turned_ends_what_is_believed(night, data):
    lines = [write(record) for record in night]
    whole = bytearray(b"".join(lines))
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] ^= data.draw(st.integers(1, 255))
    records, _ = read(bytes(whole))
    before = next(n for n in range(len(lines)) if sum(map(len, lines[: n + 1])) > at)
    assert list(records) == night[:before]


@given(st.binary(max_size=200))
def test_rubbish_is_no_record(rubbish):
    assert read(rubbish) == ((), 0)


@given(NIGHTS, st.binary(max_size=50))
def test_rubbish_at_the_end_is_not_counted(night, rubbish):
    whole = b"".join(map(write, night))
    assert read(whole + rubbish) == (tuple(night), len(whole))


def test_a_line_of_a_later_version_is_not_believed():
    line = write(
        SessionClosed(
            Ending.OVER,
            ClockInstant("a", 0.0, datetime.now(UTC), True),  # noqa: FBT003 (as read)
        )
    )
    text = line[9:-1].replace(b'"over"', b'"sold"')
    from zlib import crc32  # noqa: PLC0415

    assert read(b"%08x %s\n" % (crc32(text), text)) == ((), 0)


@settings(max_examples=25)
@given(OPENED, st.lists(EPOCHS, max_size=4), GRIDS, MOMENTS, STATES)
def test_a_night_is_its_first_line_and_what_followed(opened, epochs, grid, at, state):
    lines = [EpochScored(epoch, grid, at) for epoch in epochs]
    interrupted = interrupted_session([opened, *lines, ClockOrLightsChanged(state, at)])
    assert interrupted.session == opened.session
    assert interrupted.epochs == tuple(epochs)
    assert (interrupted.state, interrupted.last) == (state, at)
    assert interrupted.grid == (grid if epochs else opened.grid)
    assert interrupted.ending is Ending.CUT
    over = interrupted_session([opened, *lines, SessionClosed(Ending.ASKED, at)])
    assert over.ending is Ending.ASKED
    assert interrupted_session(
        [opened, SessionClosed(Ending.STOPPED, at), SessionReopened(state, grid, at)]
    ) == (replace(interrupted_session([opened]), state=state, grid=grid, last=at))


def test_without_its_first_line_there_is_no_night():
    at = ClockInstant("a", 0.0, datetime.now(UTC), synchronised=True)
    assert interrupted_session([]) is None
    assert interrupted_session([SessionClosed(Ending.OVER, at)]) is None


@given(OPENED, st.floats(0, 1e6), st.floats(0, 1e6))
def test_by_clock_of_another_boot_all_times_move_alike(opened, t, away_s):
    interrupted = interrupted_session([opened])
    utc = interrupted.last.utc + timedelta(seconds=away_s)
    now = ClockInstant("other boot", t, utc, synchronised=True)
    seen = interrupted.by_clock_of(now)
    assert now.t - seen.last.t == pytest.approx(away_s, abs=1e-4)
    assert seen.last.t - seen.grid.t == pytest.approx(
        interrupted.last.t - interrupted.grid.t, abs=1e-4
    )
    assert interrupted.by_clock_of(interrupted.last) == interrupted


EARLIER_GRID = (
    b'{"second":60,"t":160.5,"start_s":0.25,"boot_id":7,'
    b'"lanes":[{"offset":12,"next_index":15372,"lost":3,"t_rx":159.5,"heard":true}],'
    b'"rate":{"slope":1e-06,"counted":0,"sfreq_hz":null},'
    b'"tally":{"packets":4,"late_packets":0,"bad_packets":0,"unread_packets":0,'
    b'"lost_s":0.5,"connections":0,"drift_ppm":null,"sfreq_hz":null}}'
)
EARLIER_LINE = (
    b'009d8eec {"kind":"reopened","state":{"state":"recording",'
    b'"started_utc":"2026-01-01T22:00:00+00:00","ended_utc":null,"n_epochs":0,'
    b'"lights":{"off_epoch":null,"off_utc":null,"on_epoch":null,"on_utc":null},'
    b'"clock_synchronised":true,"resumed":0},"grid":' + EARLIER_GRID + b","
    b'"at":["boot",161.0,"2026-01-01T22:00:00+00:00",true]}\n'
)


def test_a_line_of_an_earlier_version_is_read_and_written_alike():
    (record,), n_bytes = read(EARLIER_LINE)
    assert n_bytes == len(EARLIER_LINE)
    assert record.grid == GridCheckpoint(
        second=60,
        t=160.5,
        start_s=0.25,
        boot_id=7,
        streams=(StreamCheckpoint(12, 15372, 3, 159.5, received=True),),
        rate=RateCheckpoint(1e-06),
        counts=LossCounts(packets=4, lost_s=0.5),
    )
    assert write(record) == EARLIER_LINE
