"""One setting changes in the user's file, and nothing else moves."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.config.edit_setting import with_setting
from gateway.errors import ConfigError

SHIPPED = Path(__file__).parents[2] / "config" / "sleepgate.yaml"
VALUES = st.sampled_from(
    ["default", "/a b/c.tflite", "no", "x: y # z", 'a"b', "\u00fc"]
)
SECTION = st.sampled_from(
    [
        [],
        ["staging:"],
        ["staging:   # nothing yet"],
        ["staging: {}"],
        ["staging: {model: default}  # flow"],
        ["staging: {mains_hz: 50}"],
        ["staging:", "    mains_hz: 50  # here"],
        ["staging:", "  model: default  # the packaged", "  mains_hz: 60"],
        ["staging:", "  # first", "  mains_hz: 60", "  model: 'x'"],
        ["staging:", "  model:", "  mains_hz: 60"],
        ['"staging":', '  "model": "x"'],
    ]
)
OTHERS = st.sampled_from([[], ["log: {level: info}"], ["# end"], ["a:", "- b  # c"]])


@st.composite
def texts(draw):
    before, section, after = draw(OTHERS), draw(SECTION), draw(OTHERS)
    if before == after:
        after = []
    eol, end = draw(st.sampled_from(["\n", "\r\n"])), draw(st.sampled_from(["", "\n"]))
    return eol.join([*before, *section, *after]) + end.replace("\n", eol)


@settings(max_examples=60)
@given(texts(), VALUES)
def test_the_setting_is_what_was_asked_for_and_every_comment_stays(text, value):
    old = yaml.safe_load(text) or {}
    new = with_setting(text, "staging", "model", value)
    expected = {**old, "staging": {**(old.get("staging") or {}), "model": value}}
    assert yaml.safe_load(new) == expected
    comments = [line.partition("#")[2] for line in text.splitlines() if "#" in line]
    assert all(f"#{comment}" in new for comment in comments)
    if "\r\n" in text:
        assert "\n" not in new.replace("\r\n", "")


def test_the_shipped_configuration_differs_in_one_line():
    text = SHIPPED.read_text()
    new = with_setting(text, "staging", "model", "/etc/sleepgate/mine.tflite")
    changed = [
        (a, b)
        for a, b in zip(text.splitlines(), new.splitlines(), strict=True)
        if a != b
    ]
    assert len(changed) == 1
    assert yaml.safe_load(new)["staging"]["model"] == "/etc/sleepgate/mine.tflite"


@pytest.mark.parametrize(
    "text", ["- a\n", "staging: word\n", "a: &x {}\nstaging: *x\n"]
)
def test_what_cannot_be_edited_is_left_and_the_line_to_write_is_shown(text):
    with pytest.raises(ConfigError, match="set by hand: model: mine"):
        with_setting(text, "staging", "model", "mine")
