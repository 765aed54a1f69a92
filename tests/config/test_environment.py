"""What the environment says wins over the file, is read as meant, and is named."""

import re
import shlex
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config.environment import overridden
from gateway.config.file import read_document
from gateway.config.schema import Config, parse
from gateway.config.secret_tags import LeftSecretLoader, SecretLoader
from gateway.daemon.validate_config import check_config
from gateway.errors import ConfigError
from gateway.sinks import mqtt

TEXT = "devices: [{name: bedroom}]\noutputs:\n  mqtt:\n    port: 1883\n"


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text(TEXT)
    return path


def read(path, **said):
    environ = {f"SLEEPGATE__{name}": text for name, text in said.items()}
    return read_document(path, environ=environ).config()


def mqtt_of(config):
    return parse(config.outputs["mqtt"], mqtt.MqttOptions, "outputs.mqtt.")


def test_a_variable_wins_over_the_file_and_the_default(file):
    config = read(
        file,
        OUTPUTS__MQTT__PORT="1884",
        OUTPUTS__MQTT__HOST="broker.lan",
        LOG__LEVEL="debug",
        DEVICES__0__STALL_S="2",
    )
    assert mqtt_of(config).port == 1884
    assert mqtt_of(config).host == "broker.lan"
    assert config.log.level == "debug"
    assert config.devices[0].stall_s == 2.0


def test_text_stays_text_where_text_is_wanted(file):
    options = mqtt_of(
        read(
            file,
            OUTPUTS__MQTT__PASSWORD="0123",  # noqa: S106
            OUTPUTS__MQTT__USERNAME="yes",
            OUTPUTS__MQTT__PROTOCOL="5",
            OUTPUTS__MQTT__HOST="null",
        )
    )
    assert (options.password, options.username) == ("0123", "yes")
    assert (options.protocol, options.host) == ("5", "null")


def test_null_takes_away_what_may_be_missing(file):
    file.write_text(TEXT + "    username: me\n")
    assert mqtt_of(read(file, OUTPUTS__MQTT__USERNAME="null")).username is None


def test_whole_sections_and_lists_are_yaml(file):
    config = read(
        file,
        DEVICES__0__CHANNELS="{EEG Fpz-Cz: AF7-TP9}",
        OUTPUTS__MQTT__PUBLISH="[stage, epoch]",
        OUTPUTS__MQTT__TLS="{}",
    )
    assert config.devices[0].channels == {"EEG Fpz-Cz": "AF7-TP9"}
    assert mqtt_of(config).publish == ("stage", "epoch")
    assert mqtt_of(config).tls is not None


def test_a_second_headband_may_be_added(file):
    config = read(file, DEVICES__1__NAME="kitchen", DEVICES__1__DRIVER="ganglion")
    assert [device.name for device in config.devices] == ["bedroom", "kitchen"]


def test_variables_alone_make_a_configuration(file):
    file.write_text("")
    assert read(file, DEVICES__0__NAME="a").devices[0].name == "a"


def test_a_secret_may_stand_elsewhere(file, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("s3cret\n")
    secret.chmod(0o600)
    options = mqtt_of(
        read(
            file, OUTPUTS__MQTT__PASSWORD=f"!file {secret}", OUTPUTS__MQTT__USERNAME="u"
        )
    )
    assert options.password == "s3cret"  # noqa: S105


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("DEVICES__2__NAME", "x", "devices: it is a list of 1: give 0 to 1, not '2'"),
        ("DEVICES__A__NAME", "x", "devices: it is a list of 1: give 0 to 1, not 'a'"),
        ("DEVICES__0__NAME__X", "x", "devices[0].name: is no section"),
        ("LOG__", "x", "two underscores part the levels; one is missing"),
        (
            "LOG__LEVEL",
            "!fiel x",
            "after ! comes file, env or credential, as in !file PATH",
        ),
        ("LOG__LEVEL", "!env NO_SUCH_NAME", "!env NO_SUCH_NAME: that environment"),
    ],
)
def test_a_variable_that_names_no_place_is_refused(file, name, text, problem):
    with pytest.raises(ConfigError) as caught:
        read(file, **{name: text})
    assert str(caught.value).startswith(f"SLEEPGATE__{name}: {problem}")


def test_a_wrong_value_is_blamed_on_its_variable_not_on_the_file(file, monkeypatch):
    monkeypatch.setenv("SLEEPGATE__OUTPUTS__MQTT__PORT", "many")
    monkeypatch.setenv("SLEEPGATE__BLE__ADAPTR", "hci1")
    with pytest.raises(ConfigError) as caught:
        check_config(file)
    assert caught.value.problems == [
        "SLEEPGATE__BLE__ADAPTR: ble.adaptr: unknown key; adapter?",
        "SLEEPGATE__OUTPUTS__MQTT__PORT: outputs.mqtt.port: expected int, got 'many'",
    ]


def test_other_variables_are_none_of_ours(file):
    environ = {"SLEEPGATE_VENV": "x", "HOME": "/", "SLEEPGATE": "1"}
    assert read_document(file, environ=environ).config() == read(file)


names = st.lists(
    st.sampled_from(["DEVICES", "0", "1", "NAME", "OUTPUTS", "MQTT", "", "X", "LOG"]),
    min_size=1,
    max_size=4,
).map(lambda parts: "SLEEPGATE__" + "__".join(parts))
texts = st.sampled_from(
    ["x", "", "[", "{a: 1}", "!x", "&a *a", "1", "null", "!!bool x"]
)


@given(st.dictionaries(names, texts, max_size=4))
def test_any_variables_are_taken_or_refused_and_the_file_is_left_alone(environ):
    tree = {"devices": [{"name": "a"}]}
    try:
        changed, places = overridden(tree, environ, SecretLoader)
        config = parse(changed, Config)
    except ConfigError as error:
        assert error.problems
    else:
        assert isinstance(config, Config)
        assert set(places.values()) == set(environ)
    assert tree == {"devices": [{"name": "a"}]}


def test_the_variables_on_the_page_are_taken(file):
    page = Path(__file__).parents[2] / "docs" / "configuration.md"
    lines = re.findall(r"^(SLEEPGATE__\w+)=(.*)$", page.read_text(), re.MULTILINE)
    environ = {name: shlex.split(text)[0] for name, text in lines}
    assert len(environ) == 3
    environ["SLEEPGATE__OUTPUTS__MQTT__USERNAME"] = "me"  # a password wants one
    config = read_document(file, LeftSecretLoader, environ).config()
    assert mqtt_of(config).host == "broker.lan"
    assert config.devices[0].channels == {"EEG Fpz-Cz": "AF7-TP9"}
