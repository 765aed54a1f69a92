"""A headband enters the user's file and leaves it, and nothing else moves."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gateway.config.edit_devices import with_device, with_values, without_device
from gateway.errors import ConfigError

SHIPPED = Path(__file__).parents[2] / "config" / "sleepgate.yaml"
NEW = {"name": "attic", "driver": "muse_athena", "address": "00:55:DA:B9:FA:20"}


def devices_of(text):
    return (yaml.safe_load(text) or {}).get("devices") or []


def others_of(text):
    return [
        item for item in (yaml.safe_load(text) or {}).items() if item[0] != "devices"
    ]


# --- files as people write them -------------------------------------------------

NAMES = st.sampled_from(["bedroom", "no", "2024-12-03", "a_b-c", "0", "null", "1_0"])
SPACE = st.sampled_from(["", "   # ja: 'nein' [", "  # -"])
COMMENT = st.sampled_from([[], ["# a: b", ""], ["", "#- name: old"], [" # in"]])
SECTIONS = st.sampled_from(
    [
        ["ble:", "  backend: bluez   # the machine's"],
        ["log: {level: info}"],
        ["outputs:", "    mqtt:", "        host: |+", "          x", "", "    t: ~"],
        ['"staging" : {"mains_hz": 50,', '  "model": default}  # flow'],
    ]
)


@st.composite
def items(draw, name, column):
    """One headband in block style, at this column."""
    pad, after = " " * column, draw(SPACE)
    lines = [
        [f"{pad}- name: '{name}'{after}", f"{pad}  driver: diy"],
        [f'{pad}- {{name: "{name}", address: auto}}{after}'],
        [f"{pad}-", f"{pad}    address: 'AA'{after}", f"{pad}    name: '{name}'"],
        [f"{pad}-   name: '{name}'", f"{pad}    channels: {{}}", f"{pad}    # mine"],
        [f"{pad}- name: '{name}'", f"{pad}  x: |", f"{pad}    - name: y", ""],
    ]
    return draw(st.sampled_from(lines))


@st.composite
def device_lists(draw):
    names = draw(st.lists(NAMES, max_size=3, unique=True))
    after = draw(SPACE)
    style = draw(st.sampled_from(["block", "flow", "long flow"]))
    quoted = [f"{{name: '{name}'}}" for name in names]
    if style == "flow":
        return [f"devices: [{', '.join(quoted)}]{after}"]
    if style == "long flow":
        inner = [f"  {text},{after}" for text in quoted]
        return ["devices: [", *inner, "]  # end"]
    if not names:
        return [
            draw(st.sampled_from(["devices:", "devices: ~", "devices: []"])) + after
        ]
    column = draw(st.sampled_from([0, 2, 4]))
    lines = [f"devices:{after}"]
    for name in names:
        lines += [" " * column + line for line in draw(COMMENT)]
        lines += draw(items(name, column))
    return lines


@st.composite
def files(draw):
    parts = draw(st.lists(SECTIONS, max_size=2, unique_by=lambda lines: lines[0]))
    if draw(st.booleans()):
        parts.insert(draw(st.integers(0, len(parts))), draw(device_lists()))
    lines = draw(st.sampled_from([[], ["---"], ["# mine", ""]]))
    for part in parts:
        lines = [*lines, *draw(COMMENT), *part]
    ends = [[], ["", "# the end"], ["..."]] if parts else [[]]
    lines = [*lines, *draw(st.sampled_from(ends))]
    text = draw(st.sampled_from(["\n", "\r\n"])).join(lines)
    return text + draw(st.sampled_from(["", "\n", "\n\n"]))


def comments(text):
    return [line.partition("#")[2].strip() for line in text.splitlines() if "#" in line]


@given(files())
def test_a_device_is_added_and_every_line_stays(text):
    new = with_device(text, NEW)
    assert devices_of(new) == [*devices_of(text), NEW]
    assert others_of(new) == others_of(text)
    assert comments(new) == comments(text)
    was, now = text.splitlines(), new.splitlines()
    assert len([line for line in was if line not in now]) <= 1  # `devices: []` alone


@given(files())
def test_what_was_added_can_be_removed_again(text):
    back = without_device(with_device(text, NEW), NEW["name"])
    assert devices_of(back) == devices_of(text)
    assert others_of(back) == others_of(text)
    assert comments(back) == comments(text)


@given(files(), st.data())
def test_any_device_can_be_removed_and_the_comments_of_the_others_stay(text, data):
    devices = devices_of(text)
    if not devices:
        return
    gone = data.draw(st.sampled_from(devices))
    new = without_device(text, gone["name"])
    assert devices_of(new) == [device for device in devices if device != gone]
    if len(devices) > 1:
        assert "# end" not in text or "# end" in new


@given(files(), st.data())
def test_any_device_can_be_given_another_address(text, data):
    devices = devices_of(text)
    if not devices:
        return
    changed = data.draw(st.sampled_from(devices))
    values = {"driver": "muse_athena", "address": "00:55:DA:B9:FA:20"}
    new = with_values(text, changed["name"], values)
    assert devices_of(new) == [
        {**device, **values} if device == changed else device for device in devices
    ]
    assert comments(new) == comments(text)


# --- by example -----------------------------------------------------------------


def test_the_shipped_file_gets_its_first_headband_above_the_example():
    text = SHIPPED.read_text()
    new = with_device(text, NEW)
    added = """\
  - name: attic
    driver: muse_athena
    address: "00:55:DA:B9:FA:20"
"""
    assert new == text.replace("devices: []\n", f"devices:\n{added}")
    assert without_device(new, "attic") == text


def test_the_only_headband_leaves_an_empty_list_to_add_to():
    text = "devices:   # mine\n  - name: a   # old\n# about the radio\nble: {}\n"
    empty = without_device(text, "a")
    assert empty == "devices: []   # mine\n# about the radio\nble: {}\n"
    assert with_device(empty, {"name": "b"}) == text.replace("a   # old", "b", 1)


def test_a_replaced_headband_keeps_what_the_user_wrote_beside_it():
    text = (
        "devices:\n  - name: a  # left bed\n    address: 'old'  # was\n    stall_s: 9\n"
    )
    assert with_values(text, "a", {"address": "new", "driver": "diy"}) == (
        "devices:\n  - name: a  # left bed\n    address: new  # was\n    stall_s: 9\n"
        "    driver: diy\n"
    )


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "---\n", "\ufeffdevices: ~\n"])
def test_a_file_with_nothing_in_it_gets_its_first_headband(text):
    assert devices_of(with_device(text, NEW)) == [NEW]


@pytest.mark.parametrize("text", ["{}", "{log: {}}", "{devices: [], log: {}}"])
def test_a_file_in_braces_stays_in_braces(text):
    new = with_device(text, NEW)
    assert devices_of(new) == [NEW]
    assert "\n" not in new


@pytest.mark.parametrize(
    "text",
    [
        "devices: &all [{name: a}]\nold: *all\n",
        "old: &all [{name: a}]\ndevices: *all\n",
        "? devices\n: - name: a\nx: {\n",
    ],
    ids=["anchor", "alias", "broken"],
)
def test_what_cannot_be_edited_safely_is_refused_with_the_words_to_write(text):
    with pytest.raises(ConfigError, match=r"by hand: \{name: attic, driver: "):
        with_device(text, NEW)


def test_a_headband_that_others_refer_to_is_not_torn_out():
    text = "devices:\n  - &a {name: a, driver: diy}\n  - {<<: *a, name: b}\n"
    with pytest.raises(ConfigError, match="by hand"):
        without_device(text, "a")
    assert devices_of(without_device(text, "b")) == [{"name": "a", "driver": "diy"}]


def test_a_headband_that_is_not_there_cannot_be_removed():
    with pytest.raises(ConfigError):
        without_device("devices: [{name: a}]\n", "b")
