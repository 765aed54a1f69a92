"""Write the JSON Schemas of the declared MQTT documents to gateway/formats/schemas."""

from pathlib import Path

from gateway.formats.message_schema import schema_text
from gateway.formats.mqtt_documents import DOCUMENTS

SCHEMAS = Path(__file__).parents[2] / "gateway" / "formats" / "schemas"

if __name__ == "__main__":
    for name, declared in DOCUMENTS.items():
        (SCHEMAS / f"{name}.v1.json").write_text(schema_text(declared))
