"""The schemas that ship are those of the declared documents, byte for byte."""

from pathlib import Path

import pytest

from gateway.formats.message_schema import schema_text
from gateway.formats.mqtt_documents import DOCUMENTS, REASONS
from gateway.staging.stage import Refusal

SCHEMAS = Path(__file__).parents[2] / "gateway" / "formats" / "schemas"


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_schema_that_ships_is_the_one_of_its_declaration(name):
    """After a change: ``python -m scripts.packaging.message_schemas``."""
    shipped = (SCHEMAS / f"{name}.v1.json").read_text()
    assert schema_text(DOCUMENTS[name]) == shipped


def test_every_reason_to_refuse_an_epoch_is_declared():
    assert set(REASONS) == set(Refusal)
