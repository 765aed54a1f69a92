"""What SECURITY.md says is tested has a test."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in (ROOT / "SECURITY.md").read_text().splitlines()
    if line.startswith("| ") and not line.startswith("| threat")
]
PLACE = re.compile(r"`([\w/.-]+)`")


def test_all_threats_are_read():
    assert len(ROWS) > 20
    assert all(len(row) == 3 for row in ROWS)


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_a_threat_names_what_tests_its_answer(row):
    named = PLACE.findall(row[2])
    if row[2] == "run it":  # the answer is a script
        named = PLACE.findall(row[1])
    assert named
    folder = ROOT
    for name in named:
        place = folder / name if "/" not in name else ROOT / name
        assert place.exists(), name
        if place.is_dir():
            assert list(place.glob("test_*.py")), name
        folder = place.parent
