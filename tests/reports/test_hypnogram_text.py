"""Drawing a night in characters."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.reports.hypnogram_text import draw_text
from gateway.staging.stage import Refusal, Stage

nights = st.lists(st.sampled_from([*Stage, *Refusal]), max_size=1500)
widths = st.integers(12, 200)
ROW = {Stage.W: 0, Stage.R: 1, Stage.N1: 2, Stage.N2: 3, Stage.N3: 4}


def test_a_short_night_is_drawn_epoch_by_epoch():
    night = [Stage.W, Stage.W, Stage.N1, Stage.N2, Refusal.GAP, Stage.R, Stage.N3]
    assert draw_text(night, 20) == [
        "W  ██",
        "R       █",
        "N1   █",
        "N2    █",
        "N3       █",
        "--     █",
        "   0:00",
    ]


def test_where_epochs_share_a_column_each_has_the_height_of_its_share():
    night = [Stage.W] * 20 + [Stage.W, Stage.N2] * 10 + [Stage.N3] * 20
    assert draw_text(night, 3 + 6)[:5] == ["W  ██▄▄", "R", "N1", "N2   ▄▄", "N3     ██"]


def test_a_whole_night_fits_eighty_columns_with_its_hours():
    lines = draw_text([Stage.N2] * 960, 76)
    assert max(map(len, lines)) <= 76
    assert [lines[-1].split()[i] for i in (0, 1, -1)] == ["0:00", "1:00", "8:00"]


@given(nights, widths)
def test_no_line_is_too_wide_and_their_number_is_always_the_same(night, width):
    lines = draw_text(night, width)
    assert len(lines) == 7
    assert all(len(line) <= width for line in lines)


@given(nights, widths)
def test_a_stage_is_drawn_if_and_only_if_it_occurred(night, width):
    lines = draw_text(night, width)
    for stage, row in ROW.items():
        assert bool(lines[row][3:].strip()) == (stage in night)
    assert bool(lines[5]) == any(isinstance(stage, Refusal) for stage in night)


@given(nights, st.sampled_from([*Stage]), widths)
def test_the_past_keeps_its_look_while_the_scale_does(night, stage, width):
    room = width - 3
    if len(night) < room:
        before, after = draw_text(night, width), draw_text([*night, stage], width)
        for row in ROW.values():
            assert after[row].startswith(before[row])
