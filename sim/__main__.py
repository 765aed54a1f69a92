"""``python -m sim unix-server:PATH unix-server:PATH``: an air without hardware."""

import asyncio
import sys

from sim.air import Air


async def main(names: list[str]) -> None:
    """Serve a virtual radio behind each bumble transport name, until stopped."""
    async with Air().serve(*names):
        await asyncio.Event().wait()


if __name__ == "__main__":
    if len(sys.argv) == 1:
        sys.exit(f"usage: {__doc__}")
    asyncio.run(main(sys.argv[1:]))
