"""Options of the EDF recording, and a fault that it cannot record under."""

from contextlib import asynccontextmanager, contextmanager

from gateway.sinks.edf import EdfOptions


@asynccontextmanager
async def working(folder):
    yield EdfOptions(path=str(folder / "recordings"), min_free_mb=0)


@contextmanager
def fault(folder):
    in_the_way = folder / "recordings"
    in_the_way.write_text("a file, where a folder is wanted")
    yield
    in_the_way.unlink()
