"""What a paired headband is called, and which radio a new file names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config.file import read_config
from gateway.config.schema import SLUG, BleConfig, Config, DeviceConfig
from gateway.errors import ConfigError
from gateway.pairing.config_entry import check_place, first_text, name_for
from gateway.pairing.radio_options import (
    RadioOptions,
    config_or_first,
    config_to_pair_in,
)

BEDROOM = DeviceConfig(name="bedroom", address="AA:BB:CC:DD:EE:FF")


@given(st.text(max_size=60))
def test_any_name_becomes_part_of_a_topic_or_is_refused(wanted):
    try:
        assert SLUG.fullmatch(name_for(Config(), wanted))
    except ConfigError as error:
        assert "--name" in str(error)


@given(st.lists(st.sampled_from(["bedroom", "bedroom-2", "bedroom-3"]), unique=True))
def test_a_name_that_nobody_gave_is_free(taken):
    devices = tuple(DeviceConfig(name=n, address=f"0{i}") for i, n in enumerate(taken))
    assert name_for(Config(devices=devices), None) not in taken


def test_two_headbands_are_not_made_one():
    other = DeviceConfig(name="attic", address="11:22:33:44:55:66")
    config = Config(devices=(BEDROOM, other))
    with pytest.raises(ConfigError, match="unpair one of them"):
        check_place(config, "attic", BEDROOM.address, replace=True)


@pytest.mark.parametrize(
    "options",
    [
        RadioOptions(),
        RadioOptions(adapter="hci1"),
        RadioOptions(transport="unix:/tmp/hci: 1"),
    ],
)
def test_the_first_file_names_the_radio_that_was_paired_with(tmp_path, options):
    file = tmp_path / "c.yaml"
    config = config_to_pair_in(file, options)
    file.write_text(first_text(config, file))
    assert read_config(file).ble == config.ble
    assert config_to_pair_in(file, RadioOptions()).ble == config.ble


def test_options_choose_another_radio_altogether(tmp_path):
    file = tmp_path / "c.yaml"
    file.write_text("ble: {backend: simulated, transport: 'unix:/x'}\n")
    assert config_or_first(file, RadioOptions(backend="bluez")).ble == BleConfig()
    with pytest.raises(ConfigError, match="another radio"):
        config_to_pair_in(file, RadioOptions(transport="unix:/y"))
