"""The doctor finds what is wrong, says what to do, and cries no wolf."""

import asyncio
import json
import subprocess
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from jsonschema import Draft202012Validator

from gateway.ble.bluez.diagnosis import Hardware
from gateway.ble.bluez.error_messages import NOT_RUNNING
from gateway.doctor import (
    bluetooth_checks,
    machine_checks,
    model_checks,
    service_checks,
    support_bundle,
)
from gateway.doctor.bluetooth_checks import ble_findings
from gateway.doctor.machine_checks import machine_findings
from gateway.doctor.model_checks import cpuinfo_findings, model_findings
from gateway.doctor.mqtt_checks import mqtt_findings
from gateway.doctor.report import (
    Finding,
    Severity,
    broken,
    doctor_document,
    doctor_lines,
    good,
    skipped,
    warning,
    worst,
)
from gateway.doctor.run_checks import target_of
from gateway.doctor.service_checks import (
    config_findings,
    daemon_findings,
    service_findings,
)
from gateway.doctor.support_bundle import write_bundle
from gateway.models import load, trial
from sim.local_broker import LocalBroker
from tests.support.certificates import Authority

NOW = datetime(2026, 2, 13, tzinfo=UTC)
SCHEMA = json.loads(
    (
        Path(__file__).parents[2] / "gateway" / "formats" / "schemas" / "doctor.v1.json"
    ).read_text()
)


@pytest.fixture
def target(tmp_path):
    """Return a function: text of the configuration -> who is examined."""

    def written(text="devices: [{name: a}]\n"):
        file = tmp_path / "c.yaml"
        file.write_text(text)
        return target_of(file, tmp_path / "no.sock")

    return written


@pytest.fixture
def programs_say(monkeypatch):
    """Have programs of the machine say this; others are not there."""

    def say(**answers):
        def output_of(*command):
            told = answers.get(command[0])
            return told(command) if callable(told) else told

        for module in (machine_checks, bluetooth_checks, model_checks, service_checks):
            monkeypatch.setattr(module, "output_of", output_of)

    say()
    return say


def of(findings, check):
    """Return the finding on `check`; whatever is not good must have a remedy."""
    findings = list(findings)
    document = doctor_document(findings, "1", NOW)
    Draft202012Validator(SCHEMA).validate(json.loads(json.dumps(document)))
    (found,) = (each for each in findings if each.check == check)
    return found


@pytest.mark.parametrize(
    ("findings", "verdict"),
    [
        ([], Severity.GOOD),
        ([good("a", "x"), skipped("b", "x", "y")], Severity.GOOD),
        ([warning("a", "x", "y"), good("b", "x")], Severity.WARNING),
        ([warning("a", "x", "y"), broken("b", "x", "y")], Severity.BROKEN),
    ],
)
def test_the_worst_finding_is_the_verdict(findings, verdict):
    Draft202012Validator.check_schema(SCHEMA)
    assert worst(findings) is verdict
    assert doctor_document(findings, "1", NOW)["verdict"] == verdict.value
    assert len(doctor_lines(findings)) >= len(findings) + 1


def test_a_finding_without_a_remedy_is_refused_by_the_schema():
    document = doctor_document([Finding("a", Severity.BROKEN, "x")], "1", NOW)
    assert not Draft202012Validator(SCHEMA).is_valid(document)


def test_every_problem_of_the_configuration_is_a_finding(target):
    found = list(config_findings(target("bel: {}\nlog: {level: x}\n")))
    assert [each.verdict for each in found] == [Severity.BROKEN] * 2
    assert of(config_findings(target()), "configuration").verdict is Severity.GOOD


def test_no_configuration_is_broken(tmp_path):
    target = target_of(tmp_path / "none.yaml", tmp_path / "s")
    found = of(config_findings(target), "configuration")
    assert (found.verdict, "pair --auto" in found.remedy) == (Severity.BROKEN, True)


MOUNTS = """\
21 1 179:2 / / rw,noatime shared:1 - ext4 /dev/root rw
30 21 0:30 / {folder} {options} shared:2 - {kind} none rw
"""


@pytest.mark.parametrize(
    ("kind", "options", "verdict"),
    [
        ("ext4", "rw,noatime", Severity.GOOD),
        ("tmpfs", "rw", Severity.WARNING),
        ("overlay", "rw", Severity.WARNING),
        ("ext4", "ro,noatime", Severity.BROKEN),
    ],
)
def test_a_state_folder_that_forgets_is_named(
    tmp_path, monkeypatch, kind, options, verdict
):
    state = tmp_path / "my state"
    state.mkdir()
    folder = str(state).replace(" ", "\\040")
    mounts = tmp_path / "mountinfo"
    mounts.write_text(MOUNTS.format(folder=folder, kind=kind, options=options))
    monkeypatch.setattr(machine_checks, "MOUNTS", mounts)
    monkeypatch.setattr(machine_checks, "SERVICES_STATE", state)
    assert of(machine_findings(), "state").verdict is verdict


@pytest.mark.parametrize(
    ("controllers", "verdict"),
    [
        ("cpuset cpu io memory pids", Severity.GOOD),
        ("cpuset cpu io pids", Severity.WARNING),
        (None, Severity.SKIPPED),
    ],
)
def test_a_kernel_that_limits_no_memory_is_named(
    tmp_path, monkeypatch, controllers, verdict
):
    file = tmp_path / "cgroup.controllers"
    if controllers is not None:
        file.write_text(controllers + "\n")
    monkeypatch.setattr(machine_checks, "CONTROLLERS", file)
    found = of(machine_findings(), "memory")
    assert found.verdict is verdict
    assert ("cgroup_enable=memory" in found.remedy) == (verdict is Severity.WARNING)


@pytest.mark.parametrize(
    ("bits", "verdict"),
    [
        (0x0, Severity.GOOD),
        (0x1, Severity.BROKEN),
        (0x50005, Severity.BROKEN),
        (0x10000, Severity.WARNING),
        (0x80008, Severity.WARNING),
    ],
)
def test_a_raspberry_pi_with_a_weak_supply_is_named(monkeypatch, bits, verdict):
    monkeypatch.setattr(machine_checks, "throttled_bits", lambda: bits)
    assert of(machine_findings(), "power").verdict is verdict


@pytest.mark.parametrize(
    ("link", "verdict"),
    [
        ("Connected to aa:bb\n\tfreq: 2412", Severity.WARNING),
        ("Connected to aa:bb\n\tfreq: 5180.0", Severity.GOOD),
        ("Not connected.", Severity.GOOD),
    ],
)
def test_wi_fi_in_the_band_of_bluetooth_is_named(tmp_path, monkeypatch, link, verdict):
    (tmp_path / "wlan0" / "wireless").mkdir(parents=True)
    monkeypatch.setattr(machine_checks, "NETWORK", tmp_path)
    monkeypatch.setattr(
        machine_checks,
        "output_of",
        lambda *words: link if words[-1] == "link" else "Power save: off",
    )
    assert of(machine_findings(), "wi-fi").verdict is verdict


@pytest.mark.parametrize(
    ("power_save", "verdict"),
    [
        ("Power save: on", Severity.WARNING),
        ("Power save: off", Severity.GOOD),
        (None, Severity.SKIPPED),
    ],
)
def test_wi_fi_that_saves_power(
    programs_say, monkeypatch, tmp_path, power_save, verdict
):
    (tmp_path / "wlan0" / "wireless").mkdir(parents=True)
    monkeypatch.setattr(machine_checks, "NETWORK", tmp_path)
    programs_say(iw=power_save)
    assert of(machine_findings(), "wi-fi").verdict is verdict


@pytest.mark.parametrize(
    ("free", "verdict"),
    [(10, Severity.BROKEN), (100, Severity.WARNING), (9000, Severity.GOOD)],
)
def test_a_disk_that_fills(programs_say, monkeypatch, free, verdict):
    usage = SimpleNamespace(free=free * 10**6)
    monkeypatch.setattr(machine_checks.shutil, "disk_usage", lambda _: usage)
    assert of(machine_findings(), "disk").verdict is verdict


@pytest.mark.parametrize("synchronised", [True, False])
def test_a_clock_that_is_not_set(programs_say, monkeypatch, synchronised):
    monkeypatch.setattr(machine_checks, "clock_synchronised", lambda: synchronised)
    found = of(machine_findings(), "clock")
    assert found.verdict is (Severity.GOOD if synchronised else Severity.WARNING)


@pytest.fixture
def bluetooth(monkeypatch, programs_say):
    def be(reason=None, *, version="bluetoothctl: 5.66", **blocked):
        async def diagnose(adapter):
            return reason

        programs_say(bluetoothctl=version)
        monkeypatch.setattr(bluetooth_checks, "diagnose", diagnose)
        hardware = Hardware(("hci0",), **blocked)
        monkeypatch.setattr(bluetooth_checks, "read_hardware", lambda: hardware)

    return be


@pytest.mark.integration  # a loop of its own
def test_bluetooth_that_is_well_and_that_is_not(target, bluetooth):
    bluetooth()
    assert worst(ble_findings(target())) is Severity.GOOD
    bluetooth(NOT_RUNNING)
    found = of(ble_findings(target()), "adapter")
    assert (found.words, found.remedy) == NOT_RUNNING
    bluetooth(soft_blocked=True)
    assert "rfkill unblock" in of(ble_findings(target()), "rfkill").remedy
    bluetooth(version=None)
    assert of(ble_findings(target()), "bluez").verdict is Severity.BROKEN
    bluetooth(version="bluetoothctl: 5.48")
    assert of(ble_findings(target()), "bluez").verdict is Severity.WARNING


def test_a_simulated_radio_needs_no_bluetooth(target):
    text = "devices: [{name: a}]\nble: {backend: simulated, transport: 'unix:/x'}\n"
    assert of(ble_findings(target(text)), "bluetooth").verdict is Severity.GOOD


def test_the_trap_that_makes_scoring_slow_is_found(programs_say, monkeypatch, tmp_path):
    programs_say(systemctl="ProcSubset=pid")
    found = of(cpuinfo_findings(), "cpuinfo")
    assert (found.verdict, "ProcSubset=all" in found.remedy) == (Severity.BROKEN, True)
    programs_say(systemctl="ProcSubset=all")
    assert of(cpuinfo_findings(), "cpuinfo").verdict is Severity.GOOD
    programs_say()
    assert of(cpuinfo_findings(), "cpuinfo").verdict is Severity.SKIPPED
    monkeypatch.setattr(model_checks, "CPUINFO", tmp_path / "none")
    assert worst(cpuinfo_findings()) is Severity.BROKEN


def test_the_shipped_model_answers_and_its_time_is_reported(
    target, programs_say, monkeypatch
):
    found = list(model_findings(target()))
    assert of(found, "model").verdict is Severity.GOOD
    assert "ms per epoch" in of(found, "speed").words
    monkeypatch.setattr(
        model_checks, "SLOW_MS", dict.fromkeys(model_checks.SLOW_MS, 0.0)
    )
    assert of(model_findings(target()), "speed").verdict is Severity.WARNING


def test_a_default_model_that_dies_here_is_not_advised(
    target, programs_say, monkeypatch
):
    monkeypatch.setattr(trial, "PROGRAM", "import os; os.abort()")
    found = of(model_findings(target()), "model")
    assert found.verdict is Severity.BROKEN
    assert "dies of it (SIGABRT)" in found.words
    assert "sleepgate version" in found.remedy
    assert "default" not in found.remedy


def test_a_default_model_that_is_damaged_is_not_advised(
    target, programs_say, monkeypatch
):
    whole, name = load.read_package("default")
    monkeypatch.setattr(load, "read_package", lambda _: (whole[:9000], name))
    found = of(model_findings(target()), "model")
    assert found.verdict is Severity.BROKEN
    assert found.remedy == "install Sleepgate again"


def test_a_model_that_is_none_is_broken(target, programs_say, tmp_path):
    (tmp_path / "m.tflite").write_bytes(b"no model")
    text = f"devices: [{{name: a}}]\nstaging: {{model: {tmp_path}/m.tflite}}\n"
    assert of(model_findings(target(text)), "model").verdict is Severity.BROKEN


@pytest.mark.parametrize(
    ("active", "enabled", "verdict"),
    [
        ("active", "enabled", Severity.GOOD),
        ("active", "disabled", Severity.WARNING),
        ("inactive", "", Severity.WARNING),
        ("failed", "enabled", Severity.BROKEN),
        ("", "", Severity.SKIPPED),
        ("offline", "", Severity.SKIPPED),
    ],
)
def test_the_service_as_systemd_has_it(programs_say, active, enabled, verdict):
    programs_say(systemctl=lambda c: active if c[1] == "is-active" else enabled)
    assert of(service_findings(), "service").verdict is verdict


def test_no_daemon_is_a_warning_that_says_how_to_start_it(target):
    found = of(daemon_findings(target()), "daemon")
    assert (found.verdict, "systemctl start" in found.remedy) == (
        Severity.WARNING,
        True,
    )


def test_how_the_daemon_does_is_reported(target, monkeypatch):
    device = {"name": "a", "link": "waiting", "reason": "gone", "online": False}
    status = {
        "version": "1",
        "restart_required": ["ble"],
        "config_problems": ["c.yaml:1: x"],
        "devices": [device],
        "outputs": [{"name": "mqtt", "well": False, "words": "no connection"}],
    }
    monkeypatch.setattr(service_checks, "ask", lambda *_: status)
    found = list(daemon_findings(target()))
    assert {each.check: each.verdict.value for each in found} == {
        "daemon": "good",
        "restart": "warning",
        "reload": "broken",
        "headband": "warning",
        "output": "warning",
    }
    assert of(found, "output").remedy == "sleepgate doctor --mqtt"


SECRET, HOST, USER = "correct-horse-battery", "annas-pi", "anna"
MAC, ALSO = "00:55:DA:B9:FA:20", "dev_00_55_DA_B9_FA_21"
PLANTED = [SECRET, HOST, USER, MAC, ALSO[4:], "kitchen.lan", "annas-bed", "anna-mqtt"]
LOG = f"""2026-02-12T23:01:59+00:00 python[1]: {MAC.lower()} on {HOST}: streaming
connected to kitchen.lan:1883 as anna-mqtt with {SECRET}
/org/bluez/hci0/{ALSO} /home/{USER}/x {HOST.upper()}.local annas-bed: epoch 3
/var/lib/sleepgate/nights/2026-02-12_annas-bed_01J8ZQ6T5R.edf: closed
"""


@pytest.mark.parametrize("way", ["inline", "file", "broken", "not yaml"])
def test_the_bundle_tells_of_nobody(target, tmp_path, monkeypatch, way):
    monkeypatch.setattr(support_bundle, "output_of", lambda *_: LOG)
    monkeypatch.setattr(support_bundle, "host_name", lambda: HOST)
    monkeypatch.setenv("SUDO_USER", USER)
    held = tmp_path / "held"
    held.write_text(SECRET)
    held.chmod(0o600)
    told = f"!file {held}" if way == "file" else SECRET
    text = (
        f"devices: [{{name: annas-bed, address: '{MAC}'}}]\n"
        "outputs:\n  mqtt: {host: kitchen.lan, username: anna-mqtt, "
        f"password: {told}}}\n"
    )
    text += {"broken": f"bel: {SECRET}\nlog: {{level: {USER}}}\n"}.get(way, "")
    text += {"not yaml": f"[{SECRET}"}.get(way, "")
    path = tmp_path / "b.zip"
    examined = target(text)
    findings = [*config_findings(examined), broken("link", f"{MAC} {HOST}", "x")]
    write_bundle(path, examined, findings)
    assert path.stat().st_mode & 0o777 == 0o600
    with zipfile.ZipFile(path) as made:
        texts = {name: made.read(name).decode() for name in made.namelist()}
    everything = "\n".join([*texts, *texts.values()])
    for planted in PLANTED[: 5 if way == "not yaml" else None]:
        assert planted.lower() not in everything.lower(), planted
    Draft202012Validator(SCHEMA).validate(json.loads(texts["doctor.json"]))
    assert json.loads(texts["versions.json"])["numpy"]
    if way != "not yaml":
        assert "epoch 3" in texts["log.txt"]


BROKER = (
    "devices: [{{name: a}}]\noutputs: {{mqtt: {{host: {host}, port: {port}{more}}}}}\n"
)


@pytest.mark.integration
def test_a_broker_that_is_not_there(target):
    text = BROKER.format(host="127.0.0.1", port=1, more="")
    found = of(mqtt_findings(target(text)), "broker")
    assert (found.verdict, "refused" in found.words) == (Severity.BROKEN, True)
    text = BROKER.format(host="no-such.invalid", port=1883, more="")
    assert "no machine called" in of(mqtt_findings(target(text)), "broker").words
    found = of(mqtt_findings(target()), "broker")
    assert found.verdict is Severity.SKIPPED


async def looked_at(target, broker, more=""):
    text = BROKER.format(host=broker.host, port=broker.port, more=more)
    return await asyncio.to_thread(lambda: list(mqtt_findings(target(text))))


@pytest.mark.integration
async def test_a_broker_that_lets_us_in_and_one_that_does_not(target, broker, tmp_path):
    found = await looked_at(target, broker)
    assert worst(found) is Severity.GOOD
    assert "MQTT 5" in of(found, "login").words
    passwords = tmp_path / "passwords"
    made = ["mosquitto_passwd", "-b", "-c", passwords, "me", "right"]
    await asyncio.to_thread(subprocess.run, made, check=True)
    lines = ("allow_anonymous false", f"password_file {passwords}")
    async with LocalBroker(settings=lines) as strict:
        who = ", username: me, password: {}"
        found = await looked_at(target, strict, who.format("wrong"))
        assert of(found, "login").verdict is Severity.BROKEN
        assert "refused user me" in of(found, "login").words
        found = await looked_at(target, strict, who.format("right"))
        assert worst(found) is Severity.GOOD


@pytest.mark.integration
@pytest.mark.parametrize(
    ("how", "verdict", "words"),
    [
        ({"days": 60}, Severity.GOOD, "TLSv1.3"),
        ({"days": 3}, Severity.WARNING, "good for"),
        ({"days": -1}, Severity.BROKEN, "expired"),
        ({"address": "192.0.2.1"}, Severity.BROKEN, "mismatch"),
    ],
)
async def test_a_certificate_is_looked_at(target, tmp_path, how, verdict, words):
    authority = Authority(tmp_path)
    pair = authority.sign("broker", **how)
    lines = (
        "allow_anonymous true",
        f"cafile {authority.ca}",
        f"certfile {pair.certificate}",
        f"keyfile {pair.key}",
    )
    async with LocalBroker(settings=lines) as broker:
        more = f", tls: {{ca: '{authority.ca}'}}"
        found = of(await looked_at(target, broker, more), "tls")
    assert (found.verdict, words in found.words) == (verdict, True)


@pytest.mark.integration
async def test_tls_on_a_port_without_it(target, broker):
    found = await looked_at(target, broker, ", tls: {}")
    assert of(found, "tls").verdict is Severity.BROKEN
    assert "8883" in of(found, "tls").remedy
