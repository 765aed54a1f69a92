"""How a headband sits, in words a sleeper understands."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from gateway.preprocessing.contact_state import ContactState
from gateway.preprocessing.electrode_contact import Contact
from gateway.preprocessing.headband_fit import (
    ElectrodeFit,
    HeadbandFit,
    ModelInput,
    StreamRate,
)
from gateway.reports.fit_text import advice, fit_json, fit_line, fit_lines

SCHEMA = json.loads(
    (
        Path(__file__).parents[2] / "gateway" / "formats" / "schemas" / "fit.v1.json"
    ).read_text()
)
GOOD = Contact(ContactState.GOOD, 12.3, 0.02, 0.0)
FAIR = Contact(ContactState.FAIR, 61.0, 0.8, 0.0)
OFF = Contact(ContactState.OFF, 572.0, 0.97, 0.4)
CONTACTS = st.none() | st.builds(
    Contact,
    st.sampled_from(ContactState),
    st.floats(0, 1e6),
    st.floats(0, 1),
    st.floats(0, 1),
)
FITS = st.builds(
    HeadbandFit,
    st.lists(st.builds(ElectrodeFit, st.text(max_size=9), CONTACTS), min_size=1).map(
        tuple
    ),
    st.lists(
        st.builds(ModelInput, st.text(max_size=9), st.text(max_size=9), CONTACTS)
    ).map(tuple),
    st.lists(
        st.builds(StreamRate, st.floats(1, 1e4), st.none() | st.floats(0, 1e5)),
        min_size=1,
    ).map(tuple),
    st.floats(0, 1e5),
)


def fit(tp9=GOOD, af7=GOOD, eeg=GOOD):
    return HeadbandFit(
        (
            ElectrodeFit("TP9", tp9),
            ElectrodeFit("AF7", af7),
            ElectrodeFit("chin", None),
        ),
        (ModelInput("EEG Fpz-Cz", "AF7-TP9", eeg), ModelInput("EEG Pz-Oz")),
        (StreamRate(256.0, 256.26), StreamRate(1.0, None)),
        0.5,
    )


def test_a_bar_for_each_electrode_and_input_coloured_by_its_contact():
    lines = fit_lines(fit(tp9=OFF), 83)
    texts = [line.text for line in lines]
    assert texts[0] == "256.3 of 256 and ? of 1 samples/s   0.50 s lost   battery 83 %"
    tp9, af7, chin = lines[2:5]
    assert (tp9.state, af7.state, chin.state) == (
        ContactState.OFF,
        ContactState.GOOD,
        None,
    )
    assert tp9.text.count("█") > 2 * af7.text.count("█") > 0
    assert "off     572 uV  mains  97%  railed  40%" in tp9.text
    assert "too slowly" in chin.text
    assert lines[6].text.endswith("AF7-TP9")
    assert "no such channel" in lines[7].text


def test_the_plain_line_says_what_is_wrong_and_no_more():
    assert fit_line(fit(tp9=OFF, eeg=FAIR)) == (
        "TP9 off 572 uV (97% mains) (40% railed)   AF7 good 12 uV   "
        "EEG Fpz-Cz fair 61 uV (80% mains)"
    )


@pytest.mark.parametrize(
    ("sitting", "verdict", "about"),
    [
        (fit(), "ready", []),
        (fit(tp9=FAIR, eeg=FAIR), "ready", ["TP9 fair"]),
        (fit(tp9=OFF, af7=FAIR), "ready", ["TP9 off the skin", "AF7 fair"]),
        (fit(tp9=OFF, af7=OFF, eeg=OFF), "not ready", ["TP9, AF7 off the skin"]),
        (fit(eeg=None), "not ready", []),
    ],
)
def test_the_advice_says_whether_it_is_ready_and_what_to_do_about_each_electrode(
    sitting, verdict, about
):
    first, *rest = advice(sitting)
    assert first.startswith(f"{verdict}:")
    assert [line.partition(":")[0] for line in rest] == about


def test_the_bars_fit_a_terminal_of_80_columns():
    muse = ModelInput("EOG horizontal", "(AF7+AF8)/2-(TP9+TP10)/2", OFF)
    shown = HeadbandFit(
        (ElectrodeFit("TP10", OFF),), (muse,), (StreamRate(256.0, 256.26),), 12.5
    )
    assert max(len(line.text) for line in fit_lines(shown, 100)) <= 80 - 4


@given(FITS, st.none() | st.integers(0, 100))
def test_every_fit_keeps_to_its_schema_and_can_be_shown(sitting, battery):
    text = fit_json(sitting, battery)
    assert "\n" not in text
    Draft202012Validator(SCHEMA).validate(json.loads(text))
    assert len(fit_lines(sitting, battery)) >= 5


def test_the_schema_is_one():
    Draft202012Validator.check_schema(SCHEMA)
