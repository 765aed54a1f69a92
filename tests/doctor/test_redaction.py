"""Nothing that tells a person, a machine or a headband from others is left."""

import json
import string

from hypothesis import example, given
from hypothesis import strategies as st

from gateway.doctor.redaction import Anonymiser

hexes = st.text("0123456789abcdefABCDEF", min_size=2, max_size=2)
macs = st.builds(
    lambda parts, mark: mark.join(parts),
    st.lists(hexes, min_size=6, max_size=6),
    st.sampled_from(":_-"),
)
words = st.text(string.ascii_letters + string.digits, min_size=3, max_size=12)
secrets = st.text(string.printable.strip(), min_size=8, max_size=20)
ADDRESSES = [f"00:55:DA:B9:FA:{n:02X}" for n in range(20)]


@given(macs, st.text(" .,'\"/=()", max_size=4))
def test_an_address_goes_in_every_writing(mac, around):
    plain = Anonymiser([], {}).text(f"x{around} {mac}{around} dev")
    assert mac not in plain
    assert "<address-1>" in plain


@given(secrets, st.text(max_size=20))
@example('a"b\\c\ud7ffd', "x")
def test_a_secret_goes_as_it_is_and_as_programs_write_it(secret, around):
    hide = Anonymiser([secret], {})
    for form in (secret, json.dumps(secret), repr(secret)):
        assert secret not in hide.text(f"password={form}; {around.replace('<', '')}")
    written = json.dumps(hide.tree({"words": [f"with {secret}"], secret: 1}))
    assert json.dumps(secret)[1:-1] not in written


@given(words, st.sampled_from(["{}", "host {}:", "/run/{}/x", "{}.local", "({})"]))
def test_a_name_goes_in_any_case(name, around):
    text = around.format(name.upper())
    hidden = Anonymiser([], {"host": [name]}).text(text)
    if name.lower() not in {"root", "localhost", "sleepgate", "host", "run"}:
        assert name.lower() not in hidden.lower().replace("<host-1>", "")


def test_the_same_is_replaced_by_the_same_and_others_by_others():
    hide = Anonymiser([], {})
    told = hide.text(f"{ADDRESSES[0]} {ADDRESSES[1]} {ADDRESSES[0].lower()}")
    assert told == "<address-1> <address-2> <address-1>"
    path = "/org/bluez/hci0/dev_" + ADDRESSES[1].replace(":", "_")
    assert hide.text(path) == "/org/bluez/hci0/dev_<address-2>"


def test_parts_of_words_times_and_versions_stay():
    hide = Anonymiser([], {"user": ["pi", "ann"]})
    text = (
        "pipeline of annotations at 23:01:59 2026-02-12T23:01:59.000Z, 127.0.0.1:1883"
    )
    assert hide.text(text) == text


def test_networks_homes_and_advertised_names_go():
    hide = Anonymiser([], {})
    text = (
        "192.168.1.20 fe80::1ff:fe23:4567:890a /home/ann/x.yaml Muse-1A2B 2001:db8::1"
    )
    assert hide.text(text) == "<ip-1> <ip-2> /home/<user>/x.yaml <headband-1> <ip-3>"
