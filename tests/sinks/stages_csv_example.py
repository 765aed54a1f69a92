"""Options of the output of docs/examples/plugin, and a fault that stops it."""

from contextlib import asynccontextmanager, contextmanager

from tests.support.example_plugin import stages_csv


@asynccontextmanager
async def working(folder):
    yield stages_csv.StagesCsvOptions(path=str(folder / "stages.csv"))


@contextmanager
def fault(folder):
    in_the_way = folder / "stages.csv"
    in_the_way.mkdir()
    yield
    in_the_way.rmdir()
