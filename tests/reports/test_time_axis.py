"""Labels of a time axis: within the night, in order, at the times they name."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from gateway.reports.time_axis import elapsed_text, full_hours, round_ticks

FIRST = datetime(2020, 1, 1, tzinfo=UTC)
starts = st.integers(0, 10**8).map(lambda s: FIRST + timedelta(seconds=s))
lengths = st.integers(0, 2880)


def named_times(start, ticks):
    """Pair each label with the time of day at its place."""
    return [
        (tick.label, f"{start + timedelta(seconds=30 * tick.epoch):%H:%M}")
        for tick in ticks
    ]


@given(starts, lengths, st.booleans())
def test_round_ticks_stand_where_they_say_and_are_few(start, n_epochs, dated):
    ticks = list(round_ticks(start, n_epochs, dated=dated))
    assert all(label == time for label, time in named_times(start, ticks))
    assert len(ticks) <= 13
    epochs = [tick.epoch for tick in ticks]
    assert epochs == sorted(set(epochs))
    assert all(0 < epoch < max(1, n_epochs) for epoch in epochs)


@given(starts, lengths)
def test_full_hours_are_all_there(start, n_epochs):
    ticks = list(full_hours(start, n_epochs))
    assert all(label == time for label, time in named_times(start, ticks))
    assert all(tick.label.endswith(":00") for tick in ticks)
    n_hours = n_epochs / 120
    assert n_hours - 1 <= len(ticks) <= n_hours + 1


def test_an_eight_hour_night_has_a_tick_an_hour():
    start = datetime(2026, 2, 13, 22, 40, tzinfo=UTC)
    labels = [tick.label for tick in round_ticks(start, 960, dated=True)]
    assert labels == [f"{h % 24:02d}:00" for h in range(23, 31)]


@given(st.integers(1, 300), st.integers(1, 50))
def test_elapsed_hours_fit_the_width(n_columns, epochs_per_column):
    assert len(elapsed_text(n_columns, epochs_per_column)) <= n_columns
