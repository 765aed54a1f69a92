"""A person who mistypes hears everything that is wrong, and where."""

from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config.schema import BleConfig, Config, DeviceConfig, parse
from gateway.errors import ConfigError


def problems_of(tree):
    with pytest.raises(ConfigError) as caught:
        parse(tree, Config)
    return caught.value.problems


def test_the_smallest_file_names_one_headband():
    config = parse({"devices": [{"name": "bedroom"}]}, Config)
    assert config.devices == (DeviceConfig(name="bedroom"),)
    assert config.ble == BleConfig()


@pytest.mark.parametrize("tree", [{}, {"devices": []}, {"devices": None}])
def test_a_file_may_have_no_headband_yet(tree):
    assert parse(tree, Config).devices == ()


def test_every_problem_is_reported_at_once_with_its_path():
    assert problems_of(
        {
            "devices": [{"name": "Bed room"}, {"stall": 3, "name": 7}],
            "ble": {"backend": "bleuz"},
            "staging": 3,
            "log": {"level": "info", "file": "x"},
        }
    ) == [
        "devices[0].name: 'Bed room' becomes a topic; use a-z 0-9 _ - (at most 32)",
        "devices[1].stall: unknown key; stall_s?",
        "devices[1].name: expected str, got 7; write it in quotes",
        "ble.backend: expected bluez or simulated, got 'bleuz'",
        "staging: expected a section, got 3",
        "log.file: unknown key",
    ]


@pytest.mark.parametrize(
    ("tree", "problem"),
    [
        (
            {"devices": [{"name": "bridge"}]},
            "devices[0].name: 'bridge' is what the gateway itself is called over MQTT",
        ),
        ({"devices": "bedroom"}, "devices: expected a list, got 'bedroom'"),
        (None, "the file: expected a section, got None"),
        (
            {
                "devices": [
                    {"name": "a"},
                    {"name": "a", "address": "F0:F1:F2:F3:F4:F5"},
                ]
            },
            "devices: two are called 'a'; their topics would mix",
        ),
        (
            {"devices": [{"name": "a"}, {"name": "b"}]},
            (
                "devices: two diy headbands with address auto; they would be taken for "
                "each other (sleepgate find tells the addresses)"
            ),
        ),
        (
            {"devices": [{"name": "a", "stall_s": "3"}]},
            "devices[0].stall_s: expected float, got '3'",
        ),
        (
            {"devices": [{"name": "a", "stall_s": True}]},
            "devices[0].stall_s: expected float, got True",
        ),
        (
            {"devices": [{"name": "a", "stall_s": 0}]},
            "devices[0].stall_s: 0.0 is not between 0.5 and 60",
        ),
        (
            {"devices": [{"name": "a", "channels": {"EEG": 3}}]},
            "devices[0].channels.EEG: expected str, got 3; write it in quotes",
        ),
        (
            {"devices": [{"name": "a"}], "ble": {"backend": "simulated"}},
            "ble.transport: needed by the simulated backend, e.g. unix:/tmp/hci1",
        ),
        (
            {"devices": [{"name": "a"}], "staging": {"mains_hz": 55}},
            "staging.mains_hz: expected 50 or 60, got 55",
        ),
    ],
)
def test_a_wrong_value_is_refused_with_its_path(tree, problem):
    assert problems_of(tree) == [problem]


TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from([f.name for f in fields(Config)] + ["name", "x"]), inner
        )
    ),
    max_leaves=12,
)


@given(TREES)
def test_any_tree_is_a_configuration_or_a_list_of_problems(tree):
    try:
        assert isinstance(parse(tree, Config), Config)
    except ConfigError as error:
        assert error.problems
