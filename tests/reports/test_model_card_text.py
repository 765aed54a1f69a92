"""What a person reads of a card; cards are free-form, so nothing may be demanded."""

from hypothesis import example, given
from hypothesis import strategies as st

from gateway.reports.model_card_text import model_card_text

WIDE = {"value": 0.6512, "interval_95": [0.5849, 0.7]}
TABLE = {
    "n_subjects": 10,
    "n_epochs": 1200,
    "kappa": WIDE,
    "accuracy": {"value": 0.75, "interval_95": None},
    "confusion": [[0] * 5] * 5,
}
LINE = "10 people, 1200 epochs: kappa 0.65 [0.58, 0.70], accuracy 0.75; F1 "


def test_a_table_is_a_line_whichever_way_it_was_written():
    of_ours = TABLE | {"f1": {"W": 0.9, "R": 0.5}}
    of_sleep_edf = TABLE | {"f1_W": {"value": 0.9}, "f1_R": {"value": None}}
    sheet = model_card_text({"figures_int8": {"ours": of_ours, "theirs": of_sleep_edf}})
    assert sheet["figures_int8"]["ours"] == LINE + "W 0.90, R 0.50"
    assert sheet["figures_int8"]["theirs"] == LINE + "W 0.90, R -"


def test_one_is_no_people():
    (line,) = model_card_text({"x": TABLE | {"n_subjects": 1}}).values()
    assert line.startswith("1 person, 1200 epochs")


def test_what_it_is_not_comes_before_its_bytes():
    shown = {"bytes": 5, "limits": ["none known"], "name": "a", "band": {"sfreq": 1.0}}
    assert list(model_card_text(shown)) == ["name", "limits", "bytes", "band"]


def test_the_points_of_a_curve_are_counted():
    sheet = model_card_text({"training": {"kappa_along_the_way": [{}, {}], "steps": 2}})
    assert sheet["training"]["kappa_along_the_way"].startswith("2 points")
    assert sheet["training"]["steps"] == 2


names = st.sampled_from(
    ["confusion", "kappa", "ece", "f1", "value", "interval_95", "f1_W", "x"]
)
anything = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=4),
    lambda some: st.lists(some, max_size=3) | st.dictionaries(names, some, max_size=3),
    max_leaves=4,
)


tables = st.fixed_dictionaries(
    {"confusion": anything},
    optional=dict.fromkeys(
        ("kappa", "accuracy", "f1", "f1_W"),
        anything
        | st.fixed_dictionaries(
            {"value": st.floats() | anything},
            optional={"interval_95": st.lists(st.floats(), max_size=3) | anything},
        ),
    ),
)


@given(st.dictionaries(names, anything | tables, max_size=2))
@example({"x": {"confusion": 1, "kappa": {"value": 0.5, "interval_95": [0.1]}}})
@example({"x": {"confusion": 1, "kappa": {"value": 0.5, "interval_95": [0.1, ""]}}})
def test_no_card_is_too_odd_to_be_shown(card):
    assert set(model_card_text(card)) == set(card)
