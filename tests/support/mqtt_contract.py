"""Every message on the broker against the schema of its topic."""

import json
from functools import cache
from pathlib import Path
from xml.dom.minidom import parseString

from jsonschema import Draft202012Validator

SCHEMAS = Path(__file__).parents[2] / "gateway" / "formats" / "schemas"
PLAIN = {"state": (b"online", b"offline"), "availability": (b"online", b"offline")}
SCHEMA_OF = {
    **dict.fromkeys(("stage", "epoch"), "epoch"),
    **{
        leaf: leaf
        for leaf in (
            *("event", "health", "hypnogram", "info", "phase", "session"),
            *("signal", "summary", "telemetry"),
        )
    },
}


@cache
def validator(name):
    schema = json.loads((SCHEMAS / f"{name}.v1.json").read_text())
    return Draft202012Validator(schema)


def check(heard):
    """Fail on a message that breaks the contract, or on a topic that has none."""
    leaf = heard.topic.rpartition("/")[2]
    if leaf in PLAIN:
        assert heard.payload in PLAIN[leaf], heard
    elif leaf == "svg":
        parseString(heard.payload)  # noqa: S318 - our own
    elif "/response/" in heard.topic:
        validator("response").validate(heard.document)
    elif "/request/" not in heard.topic:
        validator(SCHEMA_OF[leaf]).validate(heard.document)


def check_all(messages):
    for heard in messages:
        check(heard)
