"""How a headband sits, as JSON. Pure."""

from datetime import datetime

from gateway.formats.json_fields import json_bytes, utc_text
from gateway.messages.outputs import Reading
from gateway.preprocessing.contact_monitor import WINDOW_S
from gateway.preprocessing.electrode_contact import Contact, ContactState
from gateway.preprocessing.headband_fit import Contacts

WORST_FIRST = (ContactState.OFF, ContactState.FAIR, ContactState.GOOD)


def signal_payload(reading: Reading, contacts: Contacts, now: datetime) -> bytes:
    """Write how a headband sits as ``signal.v1``, UTF-8 JSON.

    Nothing of the signal itself: an rms, and shares of it. What the headband does not
    have, and what is sampled too slowly to tell, is left out.

    Parameters
    ----------
    reading : Reading
    contacts : Contacts
        Its value.
    now : datetime
    """
    inputs = [each for each in contacts.inputs if each.contact is not None]
    states = {each.contact.state for each in inputs if each.contact}
    worst = next((grip.value for grip in WORST_FIRST if grip in states), None)
    return json_bytes(
        {
            "v": 1,
            "device": reading.device,
            "session": reading.session,
            "ts": utc_text(now),
            "window_s": WINDOW_S,
            "state": worst,
            "channels": {
                each.label: {"derivation": each.derivation, **_told(each.contact)}
                for each in inputs
                if each.contact
            },
            "electrodes": {
                each.label: _told(each.contact)
                for each in contacts.electrodes
                if each.contact
            },
        }
    )


def _told(contact: Contact) -> dict[str, object]:
    return {
        "state": contact.state.value,
        "quality": round(contact.quality, 2),
        "rms_uv": round(contact.rms_uv, 1),
        "mains_ratio": round(contact.mains_ratio, 3),
        "railed": round(contact.railed, 3),
    }
