"""How a headband sits, as it is published: to the schema, and without its address."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.messages.outputs import Reading
from gateway.mqtt.payloads import signal_payload
from gateway.preprocessing.contact_state import ContactState
from gateway.preprocessing.electrode_contact import Contact
from gateway.preprocessing.headband_fit import Contacts, ElectrodeFit, ModelInput
from tests.support.mqtt_contract import validator

NOW = datetime(2026, 2, 13, 2, 27, tzinfo=UTC)
SHARES = st.floats(0, 1)
CONTACTS = (
    st.builds(Contact, st.sampled_from(ContactState), st.floats(0, 1e5), SHARES, SHARES)
    | st.none()
)
LABELS = st.text(min_size=1, max_size=12)
INPUTS = st.builds(ModelInput, LABELS, LABELS, CONTACTS)
SEATS = st.builds(
    Contacts,
    st.lists(st.builds(ElectrodeFit, LABELS, CONTACTS), max_size=6).map(tuple),
    st.lists(INPUTS, max_size=4, unique_by=lambda each: each.label).map(tuple),
)


def payload(contacts):
    session = "20260212T230100-1f3a"
    reading = Reading("bedroom", session, "m", "9f2c41d07a6b", (), contacts)
    return json.loads(signal_payload(reading, contacts, NOW))


@given(SEATS)
def test_whatever_is_seen_keeps_to_the_schema(contacts):
    said = payload(contacts)
    validator("signal").validate(said)
    judged = {each.label for each in contacts.inputs if each.contact}
    assert said["channels"].keys() == judged, "what cannot be told is left out"


@pytest.mark.parametrize(
    ("grips", "state"),
    [
        ((ContactState.GOOD, ContactState.FAIR), "fair"),
        ((ContactState.FAIR, ContactState.OFF, ContactState.GOOD), "off"),
        ((ContactState.GOOD,), "good"),
        ((), None),
    ],
)
def test_the_state_is_the_worst_of_what_the_model_gets(grips, state):
    inputs = tuple(
        ModelInput(str(at), "A-B", Contact(grip, 10.0, 0.1, 0.0))
        for at, grip in enumerate(grips)
    )
    spare = ElectrodeFit("TP10", Contact(ContactState.OFF, 0.0, 0.0, 0.9))
    said = payload(Contacts((spare,), inputs))
    assert said["state"] == state
    assert said["electrodes"]["TP10"]["state"] == "off"
