"""The verbs of the configuration, as a person uses them."""

import json
import os
import stat
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "config" / "sleepgate.yaml"


def test_a_new_file_is_the_shipped_one_and_good(in_process, tmp_path):
    path = tmp_path / "etc" / "c.yaml"
    assert in_process("config", "init", path)[0] == 0
    assert path.read_text() == SHIPPED.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert in_process("config", "check", path)[:2] == (
        0,
        f"{path}: good (no headband yet)\n",
    )


def test_programs_receive_the_problems_too(in_process, tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text("devices: [{name: a}]\n")
    code, out, err = in_process("config", "check", path, "--json")
    told = {"file": str(path), "problems": [], "devices": ["a"]}
    assert (code, json.loads(out), err) == (0, told, "")
    path.write_text("devices: [{nam: a}]\nlog: {level: x}\n")
    code, out, err = in_process("config", "check", path, "--json")
    problems = json.loads(out)["problems"]
    assert (code, err) == (2, "")
    assert [problem.partition(": ")[0] for problem in problems] == [
        *(f"{path}:1" for _ in problems[:-1]),
        f"{path}:2",
    ]


def test_a_file_that_is_there_is_left_as_it_is(in_process, tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text("mine")
    code, out, err = in_process("config", "init", path)
    assert (code, out) == (2, "")
    assert "is there already" in err
    assert path.read_text() == "mine"


def test_the_packaged_file_is_the_shipped_one():
    packaged = ROOT / "gateway" / "config" / "sleepgate.yaml"
    assert packaged.read_text() == SHIPPED.read_text()
    assert '"config/sleepgate.yaml"' in (ROOT / "pyproject.toml").read_text()


def test_without_a_name_it_is_the_users_own(in_process, monkeypatch):
    own = Path(os.environ["XDG_CONFIG_HOME"]) / "sleepgate" / "sleepgate.yaml"
    monkeypatch.setattr("gateway.paths.SERVICE", Path("/no/such"))
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert in_process("config", "init")[0] == 0
    assert own.exists()
    assert in_process("config", "check")[1] == f"{own}: good (no headband yet)\n"
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert in_process("config", "check")[1] == f"{own}: good (no headband yet)\n"


def test_the_service_has_its_own(in_process, monkeypatch, tmp_path):
    service = tmp_path / "service.yaml"
    monkeypatch.setattr("gateway.paths.SERVICE", service)
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert str(service) in in_process("config", "check")[2]
    service.write_text("devices: [{name: kitchen}]\n")
    assert in_process("config", "check")[1] == f"{service}: good (kitchen)\n"


def test_what_is_shown_is_what_is_in_effect(in_process, tmp_path, monkeypatch):
    path = tmp_path / "c.yaml"
    path.write_text("devices: [{name: a}]\noutputs: {mqtt: {}}\n")
    monkeypatch.setenv("SLEEPGATE__OUTPUTS__MQTT__HOST", "broker.lan")
    monkeypatch.setenv("SLEEPGATE__OUTPUTS__MQTT__PASSWORD", "correct-horse")
    monkeypatch.setenv("SLEEPGATE__OUTPUTS__MQTT__USERNAME", "me")
    code, out, err = in_process("config", "show", path, "--json")
    assert (code, err) == (0, "")
    shown = json.loads(out)["outputs"]["mqtt"]
    assert (shown["host"], shown["port"]) == ("broker.lan", 1883)
    assert shown["password"] == "<secret>"  # noqa: S105
    assert "correct-horse" not in in_process("config", "show", path)[1]


def test_the_schema_takes_what_is_shown(in_process):
    schema = json.loads(in_process("config", "schema")[1])
    shown = json.loads(in_process("config", "show", SHIPPED, "--json")[1])
    Draft202012Validator(schema).validate(shown)


@pytest.mark.parametrize("verb", ["check", "show"])
def test_everything_wrong_is_reported_at_once_also_in_the_outputs(
    in_process, tmp_path, verb
):
    path = tmp_path / "c.yaml"
    path.write_text("bel: {}\nlog: {level: loud}\noutputs: {mqtt: {prot: 1}}\n")
    code, out, err = in_process("config", verb, path)
    assert (code, out) == (2, "")
    assert f"{path}:1: bel: unknown key; ble?" in err
    assert f"{path}:2: log.level" in err
    assert f"{path}:3: outputs.mqtt.prot: unknown key; port?" in err


@pytest.mark.parametrize("password", ["#hush", "~", ""])
def test_a_user_without_a_password_is_a_warning_with_its_line(
    in_process, tmp_path, password
):
    path = tmp_path / "c.yaml"
    path.write_text(
        "devices: [{name: bedroom}]\noutputs:\n  mqtt:\n    username: me\n"
        f"    password: {password}\n"
    )
    code, _, err = in_process("config", "check", path)
    assert code == 0
    assert f"warning: {path}:4: outputs.mqtt.username: without a password" in err
    _, out, _ = in_process("config", "check", path, "--json")
    document = json.loads(out)
    assert document["problems"] == []
    assert "in quotes" in document["warnings"][0]
