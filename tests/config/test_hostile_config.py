"""A configuration made to hurt is refused: no hang, no flood, no secret shown."""

import os
import string

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.config import file
from gateway.config.file import read_config, read_document
from gateway.config.secret_tags import LeftSecretLoader
from gateway.daemon.effective_config import effective, effective_yaml
from gateway.daemon.validate_config import check_config
from gateway.errors import ConfigError

SECRET = "correct-horse-battery"  # noqa: S105
LAUGHS = "a0: &a0 [x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12)
)


def refused(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ConfigError) as caught:
        check_config(path)
    assert len(str(caught.value)) < 10_000
    return str(caught.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (LAUGHS, "aliases that stand for too much"),
        ("devices: &d\n  - *d\n", "nested too deeply"),
        ("[" * 30_000, "nested too deeply"),
        ("{a: " * 300 + "1" + "}" * 300, "nested too deeply"),
        ("#" * (file.LARGEST + 1), "more than"),
        ("a: " + "9" * 5000, "a value cannot be read"),
        ("a: !!bool maybe\n", "a value cannot be read"),
        ("a: 2026-99-99\n", "a value cannot be read"),
        ("a: !!python/name:os.system x\n", "not YAML"),
        ("!!binary x: [\n", "not YAML"),
        (b"a: \x00\n", "a character that no text has"),
        ("? [a, b]\n: c\n", "not YAML"),
        ("<<: 3\n", "not YAML"),
        ("outputs: {../../etc/passwd: {}}\n", "no '../../etc/passwd'; there"),
        ("outputs: {mqtt.SINK: {}}\n", "no 'mqtt.SINK'; there"),
        ("devices: [{name: ../../x}]\n", "becomes a topic"),
        ("devices: [{name: a, driver: os.path}]\n", "devices[0].driver"),
    ],
)
def test_it_is_refused_with_a_reason(tmp_path, content, words):
    assert words in refused(tmp_path / "c.yaml", content)


def test_a_secret_is_not_read_from_a_device_or_a_flood(tmp_path):
    large, pipe = tmp_path / "large", tmp_path / "pipe"
    large.write_bytes(b"x" * 70_000)
    large.chmod(0o600)
    os.mkfifo(pipe, 0o600)  # reading it would wait for ever
    for what in ("/dev/zero", large, pipe, tmp_path):
        text = f"outputs: {{mqtt: {{username: u, password: !file {what}}}}}\n"
        assert "not a file of" in refused(tmp_path / "c.yaml", text)


@pytest.mark.parametrize(
    "text",
    [
        "outputs: {mqtt: {password: [SECRET]}}",
        "outputs: {mqtt: {password: {SECRET: 1}}}",
        "outputs: {mqtt: {password: *SECRET}}",
        "outputs: {mqtt: {password: !SECRET x}}",
        "outputs: {mqtt: {password: !SECRET!x x}}",
        "outputs: {mqtt: {password: SECRET: x}}",
        "outputs:\n  mqtt:\n    password: 'SECRET\n",
        'outputs: {mqtt: {password: "SECRET\\q"}}',
        "outputs: {mqtt: {password: SECRET}}",
        "outputs: {mqtt: {password: &SECRET x, host: &SECRET y}}",
    ],
)
def test_no_message_shows_what_may_be_a_password(tmp_path, text):
    assert SECRET not in refused(tmp_path / "c.yaml", text.replace("SECRET", SECRET))


secrets = st.text(string.ascii_letters + string.digits + "!$%&-_", min_size=12).filter(
    lambda text: not text.startswith(("!", "&", "%", "-"))
)
ways = st.sampled_from(["inline", "file", "env", "credential", "variable", "elsewhere"])


@given(secret=secrets, way=ways, as_json=st.booleans())
@example(secret="0123456789012", way="inline", as_json=True)  # noqa: S106
def test_what_is_shown_holds_no_secret(tmp_path_factory, secret, way, as_json):
    folder = tmp_path_factory.mktemp("c")
    path, held = folder / "c.yaml", folder / "mqtt_password"
    held.write_text(secret)
    held.chmod(0o600)
    said = {
        "inline": yaml.safe_dump(secret).splitlines()[0],
        "file": f"!file {held}",
        "env": "!env MQTT_PASSWORD",
        "credential": "!credential mqtt_password",
    }.get(way)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MQTT_PASSWORD", secret)
        patch.setenv("CREDENTIALS_DIRECTORY", str(folder))
        if way == "variable":
            patch.setenv("SLEEPGATE__OUTPUTS__MQTT__PASSWORD", secret)
        elif way == "elsewhere":
            patch.setenv("SLEEPGATE__OUTPUTS__MQTT__PASSWORD", f"!file {held}")
        path.write_text(
            "devices: [{name: a}]\noutputs:\n  mqtt:\n    username: me\n"
            + (f"    password: {said}\n" if said else "")
        )
        assert check_config(path).outputs["mqtt"]["password"] == secret
        for config in (read_config(path), read_config(path, LeftSecretLoader)):
            tree = effective(config)
            shown = str(tree) if as_json else effective_yaml(tree)
            assert secret not in shown


def test_what_is_shown_is_a_configuration_again(tmp_path):
    path, again = tmp_path / "c.yaml", tmp_path / "again.yaml"
    path.write_text(
        "devices: [{name: a, channels: {EEG Fpz-Cz: AF7-TP9}}]\n"
        "outputs: {mqtt: {username: u, password: !file /x/y}}\n"
    )
    config = read_config(path, LeftSecretLoader)
    again.write_text(effective_yaml(effective(config)))
    assert "password: !file '/x/y'" in again.read_text()
    assert effective(read_config(again, LeftSecretLoader)) == effective(config)


@given(st.binary(max_size=300) | st.text("[]{}&*!:-?|>'\"#%@a1 \n", max_size=80))
def test_any_file_is_a_document_or_refused(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    try:
        read_document(path)
    except ConfigError as error:
        assert str(error).startswith(str(path))
