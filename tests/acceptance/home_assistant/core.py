"""A real Home Assistant Core with nothing but MQTT, in an environment of its own.

core.py PORT FOLDER; for every line on stdin it prints its entities as one line of
JSON, after it did what the line says, e.g. ``switch turn_off switch.kitchen``; it ends
with stdin.
"""

import asyncio
import json
import sys
from pathlib import Path

from homeassistant.bootstrap import async_setup_hass
from homeassistant.runner import RuntimeConfig

THEN = "2026-01-01T00:00:00+00:00"


def configure(folder: Path, port: int) -> None:
    """Set up the MQTT integration as its dialogue would."""
    entry = {
        "entry_id": "0123456789abcdef0123456789abcdef",
        "domain": "mqtt",
        "title": "broker",
        "data": {"broker": "127.0.0.1", "port": port},
        "options": {},
        "version": 1,
        "minor_version": 2,
        "source": "user",
        "unique_id": None,
        "disabled_by": None,
        "discovery_keys": {},
        "pref_disable_new_entities": False,
        "pref_disable_polling": False,
        "subentries": [],
        "created_at": THEN,
        "modified_at": THEN,
    }
    storage = folder / ".storage"
    storage.mkdir(parents=True, exist_ok=True)
    document = {
        "version": 1,
        "minor_version": 5,
        "key": "core.config_entries",
        "data": {"entries": [entry]},
    }
    entries = storage / "core.config_entries"
    if not entries.exists():
        entries.write_text(json.dumps(document))
    (folder / "configuration.yaml").write_text("{}\n")


async def main(port: int, folder: Path) -> None:
    """Run until stdin ends."""
    configure(folder, port)
    hass = await async_setup_hass(
        RuntimeConfig(config_dir=str(folder), log_no_color=True)
    )
    if hass is None:
        sys.exit("Home Assistant does not start")
    await hass.async_start()
    while line := await asyncio.to_thread(sys.stdin.readline):
        if line.strip():
            domain, service, entity = line.split()
            await hass.services.async_call(
                domain, service, {"entity_id": entity}, blocking=True
            )
        states = {state.entity_id: state.state for state in hass.states.async_all()}
        print(json.dumps(states), flush=True)
    await hass.async_stop()


asyncio.run(main(int(sys.argv[1]), Path(sys.argv[2])))
