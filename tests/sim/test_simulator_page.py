"""docs/simulator.md names all that the simulator can play, demand and break."""

from pathlib import Path

import pytest

from gateway.commands import sim
from sim import devices
from sim.radio.faults import FAULTS
from sim.radio.security import Security

PAGE = (Path(__file__).parents[2] / "docs" / "simulator.md").read_text()
WORDS = [*devices.names(), *FAULTS, *(security.value for security in Security)]


@pytest.mark.parametrize("word", WORDS)
def test_the_page_names(word):
    assert f"`{word}" in PAGE or f" {word}`" in PAGE


@pytest.mark.parametrize("name", devices.names())
def test_the_command_offers_every_device(name):
    (driver,) = (option for option in sim.command.params if option.name == "driver")
    assert name in driver.type.choices
