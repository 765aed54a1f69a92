"""The page about headbands names every driver and what it really derives."""

from pathlib import Path

import pytest

from gateway import drivers

PAGE = (Path(__file__).parents[2] / "docs/headbands.md").read_text()
INPUTS = ("EEG Fpz-Cz", "EEG Pz-Oz", "EOG horizontal")


@pytest.mark.parametrize("name", drivers.PLUGINS.own_names())
def test_a_driver_is_described_and_what_it_was_proven_on_too(name):
    assert PAGE.count(f"| `{name}` |") == 2


@pytest.mark.parametrize("name", drivers.PLUGINS.own_names())
def test_what_it_derives_first_is_on_the_page(name):
    for wanted in INPUTS:
        for text in drivers.load(name).derivations.get(wanted, ())[:1]:
            assert f"`{text}`" in PAGE
