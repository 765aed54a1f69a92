"""Headbands found, paired, tried on and let go, from the command line."""

import json

import pytest
import yaml

from gateway.ble.radio import Advertisement
from gateway.errors import AdapterError, BondingError, LinkError, LostBondError
from tests.support.fake_radio import ADDRESS, HERE, FakeRadio

MUSE = Advertisement(
    "00:55:DA:B9:FA:20", "MuseS-FA20", -61, ("0000fe8d-0000-1000-8000-00805f9b34fb",)
)
BEDROOM = {"name": "bedroom", "driver": "diy", "address": ADDRESS}
NO_ADAPTER = AdapterError("this machine has no Bluetooth adapter")


@pytest.fixture
def config(tmp_path):
    return tmp_path / "c.yaml"


@pytest.fixture
def paired(config):
    config.write_text(
        f"# mine\ndevices:\n  - name: bedroom   # left\n    address: '{ADDRESS}'\n"
    )
    return config


def devices_in(config):
    return yaml.safe_load(config.read_text())["devices"]


# --- find ---


def test_find_needs_no_configuration_and_names_every_kind_it_may_be(
    in_process, radio_is, config
):
    radio = radio_is(FakeRadio([HERE, MUSE]))
    code, out, _ = in_process("find", "--config", config)
    assert code == 0
    assert "muse_athena or muse_classic" in out
    assert radio.closed
    assert not config.exists()


def test_find_says_what_is_configured_already(in_process, radio_is, paired):
    radio_is(FakeRadio())
    code, out, _ = in_process("find", "--config", paired, "--json")
    (found,) = json.loads(out)
    assert (code, found["configured_as"], found["kinds"]) == (0, "bedroom", ["diy"])


def test_nothing_in_reach_is_an_empty_list_an_exit_code_and_a_next_step(
    in_process, radio_is, config
):
    radio_is(FakeRadio([]))
    code, out, err = in_process("find", "--config", config, "--json")
    assert (code, json.loads(out)) == (3, [])
    assert "next: switch it on" in err


# --- pair ---


def test_pair_begins_a_configuration_that_run_can_use(in_process, radio_is, config):
    radio = radio_is(FakeRadio())
    code, out, err = in_process("pair", "--auto", "--config", config)
    assert code == 0, err
    assert devices_in(config) == [BEDROOM]
    assert "100.0 of 100" in out
    assert "ready: the EEG can be scored" in out
    assert "sleepgate fit bedroom" in err
    assert in_process("config", "check", config)[0] == 0
    assert radio.closed


@pytest.mark.parametrize("is_the_services", [True, False])
def test_pair_ends_with_how_the_night_begins(
    in_process, radio_is, config, monkeypatch, is_the_services
):
    radio_is(FakeRadio())
    if is_the_services:
        monkeypatch.setattr("gateway.commands.pair.SERVICE", config)
    *_, err = in_process("pair", "--auto", "--config", config)
    assert ("systemctl restart sleepgate" in err) == is_the_services
    assert (f"run --config {config} for the night" in err) != is_the_services


def test_pair_adds_to_a_file_and_leaves_the_rest(in_process, radio_is, config):
    text = "# mine\nlog: {level: debug}  # loud\ndevices: []\n"
    config.write_text(text)
    radio_is(FakeRadio(wants_bond=True))
    code, _, err = in_process(
        "pair", ADDRESS.lower(), "--name", "Left Bed", "--config", config
    )
    assert code == 0
    assert "bonded" in err
    assert devices_in(config) == [{**BEDROOM, "name": "left-bed"}]
    assert config.read_text().startswith("# mine\nlog: {level: debug}  # loud\n")


def test_a_secret_nobody_may_read_does_not_keep_anybody_from_pairing(
    in_process, radio_is, config
):
    config.write_text("outputs: {mqtt: {password: !credential mqtt, username: x}}\n")
    radio_is(FakeRadio())
    assert in_process("pair", "--auto", "--config", config)[0] == 0
    assert "!credential mqtt" in config.read_text()
    assert in_process("find", "--config", config)[0] == 0


def test_a_headband_is_not_paired_twice_unless_its_place_is_to_be_renewed(
    in_process, radio_is, paired
):
    radio_is(FakeRadio())
    for arguments in (["--auto"], [ADDRESS], [ADDRESS, "--name", "other"]):
        before = paired.read_text()
        code, _, err = in_process("pair", *arguments, "--config", paired)
        assert code in {2, 3}
        assert "bedroom" in err
        assert "--replace" in err
        assert paired.read_text() == before
    code, *_ = in_process("pair", ADDRESS, "--replace", "--config", paired)
    assert code == 0
    assert devices_in(paired) == [BEDROOM]
    assert "# left" in paired.read_text()


def test_a_place_that_takes_any_headband_is_filled_by_its_name(
    in_process, radio_is, config
):
    config.write_text("devices: [{name: bedroom}, {name: b, driver: npg_lite}]\n")
    radio_is(FakeRadio())
    code, _, err = in_process("pair", "--auto", "--name", "bedroom", "--config", config)
    assert code == 0
    assert devices_in(config) == [BEDROOM, {"name": "b", "driver": "npg_lite"}]
    assert "b still takes any npg_lite headband" in err


def test_of_several_new_headbands_none_is_guessed(in_process, radio_is, config):
    radio_is(FakeRadio([HERE, MUSE]))
    code, _, err = in_process("pair", "--auto", "--config", config)
    assert code == 3
    assert HERE.address in err
    assert MUSE.address in err
    assert not config.exists()


def test_a_radio_other_than_the_files_is_refused(in_process, radio_is, paired):
    radio_is(FakeRadio())
    code, _, err = in_process(
        "pair", "--auto", "--config", paired, "--transport", "unix:/x"
    )
    assert code == 2
    assert "another radio (backend bluez)" in err


def test_a_headband_that_sends_nothing_is_not_written_down(
    in_process, radio_is, config
):
    radio_is(FakeRadio(after_s=-1.0))
    code, _, err = in_process("pair", "--auto", "--config", config)
    assert code == 3
    assert "disconnected" in err
    assert not config.exists()


# --- unpair, devices ---


def test_unpair_forgets_the_bond_and_the_place_and_keeps_the_comments(
    in_process, radio_is, paired
):
    radio = radio_is(FakeRadio())
    assert in_process("unpair", "bedroom", "--config", paired)[0] == 0
    assert radio.forgotten == [ADDRESS]
    assert devices_in(paired) == []
    assert paired.read_text().startswith("# mine\n")


def test_a_bond_that_cannot_be_removed_keeps_its_place_unless_asked_otherwise(
    in_process, radio_is, paired
):
    radio_is(FakeRadio(unpair=NO_ADAPTER))
    code, _, err = in_process("unpair", "bedroom", "--config", paired)
    assert code == 3
    assert "bedroom stays: this machine has no Bluetooth adapter" in err
    assert devices_in(paired)
    assert in_process("unpair", "bedroom", "--keep-bond", "--config", paired)[0] == 0
    assert devices_in(paired) == []


def test_devices_lists_bonds_and_scans_only_when_asked(in_process, radio_is, paired):
    radio_is(FakeRadio(wants_bond=True, scan=LinkError("scanned")))
    _, out, _ = in_process("devices", "--json", "--config", paired)
    (device,) = json.loads(out)
    assert (device["bonded"], device["in_reach"]) == (True, None)
    assert in_process("devices", "--scan", "--config", paired)[0] == 3
    radio_is(FakeRadio([HERE]))
    assert "-50 dBm" in in_process("devices", "--scan", "--config", paired)[1]


def test_devices_are_listed_where_there_is_no_bluetooth(in_process, radio_is, paired):
    radio_is(FakeRadio(bonds=NO_ADAPTER))
    code, out, err = in_process("devices", "--config", paired)
    assert code == 0
    assert "bedroom" in out
    assert "no Bluetooth adapter" in err


# --- fit ---


def test_fit_shows_a_line_a_second_and_ends_with_advice(in_process, radio_is, paired):
    radio = radio_is(FakeRadio())
    code, out, _ = in_process("fit", "bedroom", "--seconds", 5, "--config", paired)
    title, *lines = out.splitlines()
    assert (code, title) == (0, f"bedroom: diy at {ADDRESS}")
    assert [line.startswith("Fpz-Cz good") for line in lines[:5]] == [True] * 5
    assert lines[5] == "ready: the EEG can be scored"
    assert radio.closed


def test_fit_for_programs_is_a_document_a_second(in_process, radio_is, paired):
    radio_is(FakeRadio())
    _, out, _ = in_process(
        "fit", "bedroom", "--seconds", 3, "--json", "--config", paired
    )
    documents = [json.loads(line) for line in out.splitlines()]
    assert [d["inputs"][0]["state"] for d in documents] == ["good"] * 3


def test_fit_looks_again_for_a_headband_that_dropped(in_process, radio_is, paired):
    radio = radio_is(FakeRadio(after_s=6.0))
    code, out, _ = in_process("fit", "bedroom", "--seconds", 9, "--config", paired)
    assert code == 0
    assert out.count("\nFpz-Cz good") == 9
    assert radio.connections > 1


def test_fit_leaves_a_headband_alone_that_another_program_holds(
    in_process, radio_is, paired
):
    radio_is(FakeRadio([HERE._replace(connected=True)]))
    code, _, err = in_process("fit", "bedroom", "--config", paired)
    assert code == 3
    assert "bedroom is connected already" in err
    assert "sudo systemctl stop sleepgate" in err
    arguments = ("fit", "bedroom", "--anyway", "--seconds", 2, "--config", paired)
    assert in_process(*arguments)[0] == 0


# --- each failure: one sentence, and the next step ---

WRONG_PASSKEY = BondingError("pairing: wrong passkey")
FORGOTTEN = LostBondError("connect: the headband has forgotten its bond")
OUT_OF_RANGE = LinkError("connect: timed out")


@pytest.fixture
def on_a_broken_radio(in_process, radio_is, paired, monkeypatch):
    """Return a function: verb, what fails -> exit code, the lines of its talk."""

    async def nothing_wrong(_adapter):
        return None

    def run(verb, fails):
        monkeypatch.setattr("gateway.pairing.advice.diagnose", nothing_wrong)
        what = {"pair": [ADDRESS, "--replace"], "fit": ["bedroom"], "find": []}[verb]
        radio = radio_is(FakeRadio(**fails))
        code, _, err = in_process(verb, *what, "--config", paired)
        assert radio.closed
        return code, [line for line in err.splitlines() if "..." not in line]

    return run


@pytest.mark.parametrize(
    ("verb", "fails", "sentence", "step"),
    [
        ("pair", {"connect": WRONG_PASSKEY}, "wrong passkey", "pairing mode"),
        ("pair", {"connect": OUT_OF_RANGE}, "timed out", "bring the headband closer"),
        ("fit", {"connect": FORGOTTEN}, "forgotten its bond", "--replace"),
        ("fit", {"find": OUT_OF_RANGE}, "timed out", "bring the headband closer"),
        ("find", {"scan": NO_ADAPTER}, "no Bluetooth adapter", "bluetoothctl show"),
        ("pair", {"scan": NO_ADAPTER}, "no Bluetooth adapter", "bluetoothctl show"),
    ],
)
def test_a_failure_is_one_sentence_and_the_next_step(
    on_a_broken_radio, verb, fails, sentence, step
):
    code, (said, next_step) = on_a_broken_radio(verb, fails)
    assert code == 3
    assert said.startswith("sleepgate: ")
    assert sentence in said
    assert next_step.startswith("next: ")
    assert step in next_step


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["pair"], "--auto"),
        (["pair", ADDRESS, "--auto"], "--auto"),
        (["pair", "--auto", "--name", "///"], "a-z 0-9"),
        (["unpair", "attic"], "'attic'; there are bedroom"),
        (["fit", "attic"], "'attic'; there are bedroom"),
    ],
)
def test_a_mistyped_command_says_what_is_possible(
    in_process, radio_is, paired, arguments, words
):
    radio_is(FakeRadio())
    code, _, err = in_process(*arguments, "--config", paired)
    assert code == 2
    assert words in err


def test_a_file_that_cannot_be_written_is_reported_before_the_radio_is_touched(
    in_process, radio_is, tmp_path, monkeypatch
):
    radio = radio_is(FakeRadio())
    monkeypatch.setattr("os.access", lambda *_: False)  # root may write anywhere
    code, _, err = in_process("pair", "--auto", "--config", tmp_path / "c.yaml")
    assert code == 2
    assert "sudo" in err
    assert not radio.closed
