"""The schema that editors use and the daemon's own reading agree."""

import json
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from gateway import sinks
from gateway.config.json_schema import config_schema
from gateway.config.schema import Config, parse
from gateway.errors import ConfigError

SHIPPED = Path(__file__).parents[2] / "config" / "sleepgate.yaml"
OPTIONS = {name: sinks.options_of(name) for name in sinks.names()}
SCHEMA = config_schema(OPTIONS)
VALIDATOR = Draft202012Validator(SCHEMA)


def takes(tree):
    """Read `tree` as the daemon does."""
    config = parse(tree, Config)
    for name, section in config.outputs.items():
        parse({} if section is None else section, sinks.options_of(name))


def mutated(tree, draw):
    """Change one value, somewhere, into something else."""
    keys = sorted(tree) if isinstance(tree, dict) else range(len(tree))
    key = draw(st.sampled_from(list(keys)))
    if isinstance(tree[key], dict | list) and tree[key] and draw(st.booleans()):
        mutated(tree[key], draw)
        return
    tree[key] = draw(
        st.sampled_from([None, True, False, 0, 1, 1.5, "x", "5", [], {}, ["x"], [1]])
        | st.sampled_from([{"x": 1}, {"enabled": 1}, 50, 60, "debug", "mqtt"])
    )
    if isinstance(tree, dict) and draw(st.booleans()):
        tree[draw(st.sampled_from([*tree, "x"]))] = tree.pop(key)


def test_it_is_a_schema_and_json():
    Draft202012Validator.check_schema(json.loads(json.dumps(SCHEMA)))


def test_the_shipped_file_keeps_to_it():
    VALIDATOR.validate(yaml.safe_load(SHIPPED.read_text()))


def test_every_key_of_every_output_is_in_it():
    sections = SCHEMA["properties"]["outputs"]["properties"]
    assert sorted(sections) == sinks.names()
    password = sections["mqtt"]["anyOf"][0]["properties"]["password"]
    assert {"type": "string"} in password["anyOf"]
    keepalive = sections["mqtt"]["anyOf"][0]["properties"]["keepalive_s"]
    assert keepalive == {"type": "integer", "default": 30}


@given(st.data())
def test_what_it_refuses_the_daemon_refuses(data):
    tree = yaml.safe_load(SHIPPED.read_text())
    for _ in range(data.draw(st.integers(1, 3))):
        mutated(tree, data.draw)
    if not VALIDATOR.is_valid(tree):
        with pytest.raises(ConfigError):
            takes(tree)


@pytest.mark.parametrize(
    "tree",
    [
        {"devices": [{}]},
        {"devices": [{"name": "a", "stall_s": "5"}]},
        {"ble": {"backend": "bleuz"}},
        {"staging": {"mains_hz": 55}},
        {"log": {"level": "loud"}},
        {"outputs": {"mqqt": {}}},
        {"outputs": {"mqtt": {"port": "1883"}}},
        {"outputs": {"mqtt": {"publish": ["stages"]}}},
        {"outputs": {"mqtt": False}},
        {"logs": {}},
    ],
)
def test_wrong_kinds_words_and_keys_are_refused_by_both(tree):
    assert not VALIDATOR.is_valid(tree)
    with pytest.raises(ConfigError):
        takes(tree)
