"""Print a table of figures, and JSON if asked."""

import argparse
import asyncio
import json
from pathlib import Path

import archive
import commands
import compute
import daemon
import footprint
import link
import mqtt
import recovery
import soak
from rows import Row, machine

from sim.night.synthetic_night import synthetic_night


def main() -> None:
    """Run every benchmark."""
    parser = argparse.ArgumentParser(description="Speed and size of Sleepgate.")
    parser.add_argument("--quick", action="store_true", help="short runs")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args()
    recording, _ = synthetic_night(1, 0.5 if options.quick else 4.0)
    print(machine())
    rows: list[Row] = []
    for source in (
        compute.inference(200 if options.quick else 2000),
        compute.notifications(recording),
        compute.offline(recording),
        archive.rows(*((20, 10) if options.quick else (40, 120))),
        link.rows(recording.between(0, 1200)),
        recovery.rows(recording, 5 if options.quick else 20),
        soak.rows(4 if options.quick else 24),
        commands.rows(3 if options.quick else 9),
        daemon.imports(3 if options.quick else 7),
        asyncio.run(mqtt.rows(200 if options.quick else 960)),
        asyncio.run(daemon.live(20 if options.quick else 95)),
        footprint.rows(*((30, 0.5) if options.quick else (120, 2.0))),
    ):
        for row in source:
            rows.append(row)
            print(row.text(), flush=True)
    if options.json:
        figures = [{**row._asdict(), "ratio": row.ratio} for row in rows]
        document = {"machine": machine(), "figures": figures}
        options.json.write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
