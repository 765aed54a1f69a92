"""The file on disk: lines in messages, and the shipped example as its own proof."""

import re
from dataclasses import asdict
from pathlib import Path

import pytest
import yaml

from gateway.config.file import read_config
from gateway.config.schema import Config, DeviceConfig, parse
from gateway.errors import ConfigError
from gateway.sinks import mqtt

SHIPPED = Path(__file__).parents[2] / "config" / "sleepgate.yaml"


def problems_of(path):
    with pytest.raises(ConfigError) as caught:
        read_config(path)
    return [problem.removeprefix(str(path)) for problem in caught.value.problems]


def test_the_shipped_file_shows_every_default(tmp_path):
    config = read_config(SHIPPED)
    assert config == Config(outputs=config.outputs)
    text = SHIPPED.read_text().replace("devices: []", "devices:")
    example = tmp_path / "c.yaml"
    example.write_text(re.sub(r"^#(  - |    )(?=\w)", r"\1", text, flags=re.MULTILINE))
    (device,) = read_config(example).devices
    assert device == DeviceConfig(name="bedroom")
    shown = yaml.safe_load(example.read_text())["devices"][0]
    assert shown.keys() == asdict(device).keys()


def test_the_shipped_file_shows_every_option_of_mqtt_with_its_default():
    section = read_config(SHIPPED).outputs["mqtt"]
    assert parse(section, mqtt.MqttOptions) == mqtt.MqttOptions()
    assert section.keys() == asdict(mqtt.MqttOptions()).keys()


def test_problems_carry_their_line(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text("devices:\n  - name: a\n    stall: 2\nmqtt:\n  host: x\n")
    assert problems_of(path) == [
        ":4: mqtt: unknown key",
        ":3: devices[0].stall: unknown key; stall_s?",
    ]


def test_a_key_given_twice_is_not_silently_the_last(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text("devices: [{name: a}]\nlog: {level: info}\nlog: {level: error}\n")
    assert problems_of(path) == [":3: log: key given twice"]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"devices: [", "not YAML"),
        (b"\xff\xfe\x00", "not UTF-8 text"),
        (b"3", "expected a section"),
        (b"- a\n- b\n", "expected a section"),
        (b"!!python/object:os.system {}", "not YAML"),
    ],
)
def test_what_is_no_configuration_is_reported_as_none(tmp_path, content, expected):
    path = tmp_path / "c.yaml"
    path.write_bytes(content)
    (problem,) = problems_of(path)
    assert expected in problem


def test_a_file_that_is_not_there_is_named(tmp_path):
    path = tmp_path / "none.yaml"
    (problem,) = problems_of(path)
    words, step = problem.split("\nnext: ")
    assert words == f"there is no configuration {path} yet"
    assert step.endswith(f"pair --auto --name bedroom --config {path}")
