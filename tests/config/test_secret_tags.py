"""Secrets from files, the environment and systemd; shown to nobody."""

import pytest
import yaml

from gateway.config.file import read_config
from gateway.config.schema import parse
from gateway.errors import ConfigError
from gateway.mqtt.options import MqttOptions

HEAD = "devices: [{name: a}]\noutputs:\n  mqtt:\n    username: me\n"


@pytest.fixture
def secret(tmp_path):
    path = tmp_path / "password"
    path.write_text("hush\n")
    path.chmod(0o640)
    return path


@pytest.fixture
def section(tmp_path):
    def read(line):
        path = tmp_path / "c.yaml"
        path.write_text(f"{HEAD}    {line}\n")
        return read_config(path).outputs["mqtt"]

    return read


def problem_of(section, line):
    with pytest.raises(ConfigError) as caught:
        section(line)
    (problem,) = caught.value.problems
    return problem


def test_a_file_gives_its_text_without_the_last_line_break(section, secret):
    password = section(f"password: !file {secret}")["password"]
    assert password == "hush"  # noqa: S105 - a test's own
    assert "hush" not in repr(password)


def test_an_environment_variable_gives_its_value(section, monkeypatch):
    monkeypatch.setenv("BROKER_PASSWORD", "hush")
    assert section("password: !env BROKER_PASSWORD")["password"] == "hush"  # noqa: S105 - a test's own


def test_a_credential_comes_from_systemd_s_directory(section, secret, monkeypatch):
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(secret.parent))
    assert section("password: !credential password")["password"] == "hush"  # noqa: S105 - a test's own


def test_an_empty_credential_is_none(section, tmp_path, monkeypatch):
    (tmp_path / "mqtt_password").write_text("\n")
    (tmp_path / "mqtt_password").chmod(0o400)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    problem = problem_of(section, "password: !credential mqtt_password")
    assert "write it into /etc/sleepgate/mqtt_password" in problem


def test_a_secret_never_stands_in_an_error(section, secret):
    with pytest.raises(ConfigError) as caught:
        parse(section(f"port: !file {secret}"), MqttOptions)
    assert "hush" not in str(caught.value)
    assert "hush" not in repr(parse(section(f"password: !file {secret}"), MqttOptions))


def test_what_everybody_may_read_is_no_secret(section, secret):
    secret.chmod(0o644)
    problem = problem_of(section, f"password: !file {secret}")
    assert ":5: " in problem
    assert "chmod o=" in problem


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("password: !file /nowhere/at/all", "cannot be read"),
        ("password: !env NOT_SET_ANYWHERE", "not set"),
        ("password: !credential x", "LoadCredential"),
        ("password: !env [a]", "one word"),
        ("password: !file", "one word"),
    ],
)
def test_a_secret_that_is_not_there_is_reported_with_its_line(
    section, line, words, monkeypatch
):
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    problem = problem_of(section, line)
    assert ":5: " in problem
    assert words in problem


def test_a_mark_that_an_editor_puts_before_a_file_is_no_part_of_the_secret(
    section, secret
):
    secret.write_bytes(b"\xef\xbb\xbfhush\r\n")
    assert list(section(f"password: !file {secret}")["password"]) == list("hush")


def test_a_configuration_may_begin_with_that_mark(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text(f"\ufeff{HEAD}", encoding="utf-8")
    assert read_config(path).devices[0].name == "a"


@pytest.mark.parametrize("tag", ["!secret mqtt", "!include x", "!hush"])
def test_another_tag_is_refused_with_those_there_are_and_not_shown(section, tag):
    problem = problem_of(section, f"password: {tag}")
    assert ":5: after ! comes file, env or credential, as in !file PATH" in problem
    assert tag.split()[0] not in problem


@pytest.mark.parametrize(
    "text", ["1234", "yes", "0x1F", "12:30:45", "1.5", "2026-12-01"]
)
def test_a_password_that_yaml_reads_as_something_else_is_to_be_quoted(text):
    tree = yaml.safe_load(f"{{username: me, password: {text}}}")
    with pytest.raises(ConfigError, match="got <secret>; write it in quotes") as caught:
        parse(tree, MqttOptions, "outputs.mqtt.")
    assert text not in str(caught.value)
