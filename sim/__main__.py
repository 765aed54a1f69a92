"""``python -m sim unix-server:PATH unix-server:PATH``: an air without hardware.

While it runs, a line ``outage SECONDS`` takes everything out of range for so long.
"""

import asyncio
import sys

from gateway.errors import ConfigError
from sim.radio.faults import seconds_of
from sim.radio.virtual_link import VirtualLink
from sim.stdin_lines import typed


async def main(names: list[str]) -> None:
    """Serve a virtual radio behind each bumble transport name, until stopped."""
    air = VirtualLink()
    async with air.serve(*names):
        async for line in typed(sys.stdin):
            try:
                await _obey(line, air)
            except ConfigError as error:
                sys.stderr.write(f"{error}\n")
        await asyncio.Event().wait()


async def _obey(line: str, air: VirtualLink) -> None:
    word, _, argument = line.partition(" ")
    if word != "outage":
        raise ConfigError([f"{line!r} is no fault; there is outage SECONDS"])
    await air.outage(seconds_of(word, argument))


if __name__ == "__main__":
    if len(sys.argv) == 1:
        sys.exit(f"usage: {__doc__}")
    asyncio.run(main(sys.argv[1:]))
