"""Lists of headbands, for people and for programs."""

import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from gateway.reports.headband_list import (
    ConfiguredHeadband,
    FoundHeadband,
    configured_json,
    configured_lines,
    in_reach_json,
    in_reach_lines,
)

SCHEMAS = Path(__file__).parents[2] / "gateway" / "formats" / "schemas"
MUSE = FoundHeadband(
    "00:55:DA:B9:FA:20", "MuseS-FA20", -61, ("muse_athena", "muse_classic"), "bedroom"
)
HELD = FoundHeadband("F0:F1:F2:F3:F4:F5", None, None, ("diy",), connected=True)
TEXTS = st.text(max_size=20)
SEEN = st.builds(
    FoundHeadband,
    address=TEXTS,
    name=st.none() | TEXTS,
    rssi_dbm=st.none() | st.integers(-127, 20),
    kinds=st.lists(TEXTS, min_size=1, max_size=3).map(tuple),
    configured_as=st.none() | TEXTS,
    connected=st.booleans(),
)
DEVICES = st.builds(
    ConfiguredHeadband,
    *(TEXTS, TEXTS, TEXTS),
    bonded=st.none() | st.booleans(),
    in_reach=st.none() | SEEN,
    scanned=st.booleans(),
)


def keeps_to(name, text):
    schema = json.loads((SCHEMAS / name).read_text())
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema).validate(json.loads(text))
    return json.loads(text)


def test_a_table_has_a_line_for_each_and_its_columns_stand_below_each_other():
    head, muse, held = in_reach_lines([MUSE, HELD])
    assert head == (
        "ADDRESS            NAME        RSSI     KIND                         "
        "CONFIGURED  CONNECTED"
    )
    for line, cells in (
        (muse, ("00:55:DA:B9:FA:20", "MuseS-FA20", "-61 dBm", "bedroom", "no")),
        (held, ("F0:F1:F2:F3:F4:F5", "-", "diy", "yes")),
    ):
        assert all(cell in line for cell in cells)
    assert muse.index("muse_athena or muse_classic") == head.index("KIND")


def test_nothing_makes_no_table_and_an_empty_array():
    assert (in_reach_lines([]), configured_lines([])) == ([], [])
    assert (json.loads(in_reach_json([])), json.loads(configured_json([]))) == ([], [])


def test_what_was_not_looked_for_is_not_reported_as_absent():
    device = ConfiguredHeadband("bedroom", "muse_athena", MUSE.address)
    assert configured_lines([device])[1].split()[-2:] == ["?", "?"]
    (document,) = json.loads(configured_json([device]))
    assert (document["bonded"], document["in_reach"]) == (None, None)
    searched = device._replace(scanned=True, bonded=False)
    assert configured_lines([searched])[1].split()[-2:] == ["no", "no"]
    found = searched._replace(in_reach=MUSE)
    assert configured_lines([found])[1].endswith("-61 dBm")
    assert json.loads(configured_json([found]))[0]["rssi_dbm"] == -61


@given(st.lists(SEEN, max_size=4))
def test_what_is_found_keeps_to_its_schema(found):
    documents = keeps_to("find.v1.json", in_reach_json(found))
    assert [document["address"] for document in documents] == [s.address for s in found]


@given(st.lists(DEVICES, max_size=4))
def test_what_is_configured_keeps_to_its_schema(devices):
    documents = keeps_to("devices.v1.json", configured_json(devices))
    assert [document["name"] for document in documents] == [d.name for d in devices]


@given(st.lists(SEEN, max_size=3), st.lists(DEVICES, max_size=3))
def test_programs_and_terminals_get_nothing_that_a_terminal_obeys(found, devices):
    for text in (in_reach_json(found), configured_json(devices)):
        assert all(" " <= character <= "~" or character == "\n" for character in text)
    for line in (*in_reach_lines(found), *configured_lines(devices)):
        assert line.isprintable()
