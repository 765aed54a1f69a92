"""Every name of a stage in use is read; none that looks like one is passed over."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.staging.stage import Stage
from gateway.staging.stage_names import is_stage, looks_like_stage, stage_of

NAMES = {
    Stage.W: ("W", "Wake", "awake", "Stage W", "Sleep stage Wake", "Wake|0"),
    Stage.N1: ("N1", "S1", "NREM1", "NREM 1", "nrem_1", "Stage 1 sleep|1", "Stage N1"),
    Stage.N2: ("N2", "S2", "NREM2", "Sleep stage 2", "Stage 2 sleep|2"),
    Stage.N3: ("N3", "N4", "S4", "NREM4", "Sleep stage N4", "Sleep stage 4", "S3"),
    Stage.R: ("R", "REM", "REM sleep|5", "Sleep stage R", "sleep stage rem"),
    None: ("Sleep stage ?", "Unscored|9", "Movement|6", "Sleep stage M", "unscored"),
}
ALL = [(name, stage) for stage, names in NAMES.items() for name in names]


@pytest.mark.parametrize(("name", "stage"), ALL)
@given(st.sampled_from(["", "@@EEG F4-A1"]), st.booleans(), st.sampled_from(["", " "]))
def test_a_name_is_read_in_any_case_for_any_channel(name, stage, suffix, upper, pad):
    text = f"{pad}{name.upper() if upper else name}{suffix}{pad}"
    assert stage_of(text) is stage


@pytest.mark.parametrize("text", ["Sleep stage Q", "Stage N7", "NREM 9", "N5", "S9"])
def test_what_looks_like_a_stage_and_is_none_is_not_passed_over(text):
    assert looks_like_stage(text)
    assert not is_stage(text)


@pytest.mark.parametrize("text", ["Lights off", "Arousal", "1", "?", "Startdate", ""])
def test_other_annotations_are_no_stages(text):
    assert not is_stage(text)
    assert not looks_like_stage(text)


@pytest.mark.parametrize(("text", "stage"), [("1", Stage.N1), ("?", None), ("", None)])
def test_a_column_of_stages_may_be_terse(text, stage):
    assert stage_of(text, alone=True) is stage
