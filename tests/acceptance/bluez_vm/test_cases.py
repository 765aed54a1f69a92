from pathlib import Path

from tests.acceptance.bluez_vm.cases import CASES
from tests.acceptance.bluez_vm.outcome import Outcome
from tests.acceptance.bluez_vm.table import ABOUT, HEAD, row

DOCS = Path(__file__).parents[3] / "docs" / "real-stack.md"
OUTCOME = Outcome("away", 25.31, 23.4, 3, ("gap", "gap"), None, ())


def test_every_case_has_a_name_of_its_own_and_stands_in_the_documentation():
    names = [case.name for case in CASES]
    assert len(set(names)) == len(names)
    text = DOCS.read_text()
    assert [name for name in ABOUT if f"`{name}`" not in text] == []


def test_a_row_fits_the_head_and_counts_samples():
    cells = row(OUTCOME).split(" | ")
    assert len(cells) == HEAD.splitlines()[0].count(" | ") + 1
    assert cells[2:] == ["yes", "25.3", "23.40", "2340", "3", "2 gap |"]


def test_what_failed_says_so_with_the_words_of_the_daemon():
    failed = OUTCOME._replace(again_s=None, problem="in vain", said=("no adapter",))
    first, *more = row(failed).splitlines()
    assert "| no | - |" in first
    assert more == ["  in vain", "  > no adapter"]
