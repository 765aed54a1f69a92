"""The night in numbers, for people."""

from hypothesis import example, given
from hypothesis import strategies as st

from gateway.reports.summary_text import duration_text, summary_lines
from gateway.staging.sleep_statistics import summarise
from gateway.staging.stage import Refusal, Stage

runs = st.tuples(st.sampled_from([*Stage, *Refusal]), st.integers(1, 300))


def test_a_night_reads_like_this():
    night = [Stage.W] * 29 + [Stage.N1] * 10 + [Stage.N2] * 400 + [Stage.W] * 12
    night += [Stage.R] * 160 + [Refusal.GAP] * 6 + [Stage.N3] * 100
    assert summary_lines(summarise(night)) == [
        "in bed 5 h 58.5 min   asleep 5 h 35 min   efficiency 93 %",
        "fell asleep after 14.5 min   first lasting REM after 3 h 31 min",
        "awake in the night 6 min   awakenings 1",
        "min:  W 20.5  R 80 (24 %)  N1 5 (1 %)  N2 200 (60 %)  N3 50 (15 %)",
        "not scored 3 min",
    ]


def test_a_night_without_sleep_has_dashes_where_there_is_no_number():
    assert summary_lines(summarise([Stage.W] * 4)) == [
        "in bed 2 min   asleep 0 min   efficiency 0 %",
        "fell asleep after -   first lasting REM after -",
        "awake in the night -   awakenings 0",
        "min:  W 2  R 0 (-)  N1 0 (-)  N2 0 (-)  N3 0 (-)",
    ]


@given(st.lists(runs, max_size=8))
@example([(stage, 481) for stage in Stage])
def test_the_lines_fit_a_narrow_terminal_and_any_encoding(pieces):
    night = [stage for stage, length in pieces for _ in range(length)]
    for line in summary_lines(summarise(night)):
        assert len(line) <= 80
        assert line.isascii()


def test_half_minutes_are_shown_not_rounded_to_a_sixtieth():
    assert duration_text(479.5) == "7 h 59.5 min"
    assert duration_text(0.5) == "0.5 min"
