"""What goes into the guest is what stands here, and is installed as README says."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.bluez_vm.cases import CASES

ROOT = Path(__file__).parents[3]
GUEST = ROOT / "tests" / "acceptance" / "bluez_vm" / "guest"
BUILD = (ROOT / "tests" / "acceptance" / "bluez_vm" / "build-guest").read_text()
README = (ROOT / "README.md").read_text()


def test_the_daemon_is_installed_in_the_guest_as_readme_says():
    said = re.findall(r"^sudo (sleepgate service install)\b", README, re.MULTILINE)
    assert said
    assert f"/opt/sleepgate/bin/{said[0]} --root /" in BUILD


@pytest.mark.parametrize("unit", sorted(GUEST.glob("*.service")), ids=lambda p: p.name)
def test_a_unit_of_the_guest_runs_a_program_that_is_there(unit):
    (program,) = re.findall(r"^ExecStart=.*/(\S+\.py)$", unit.read_text(), re.MULTILINE)
    assert (GUEST / program).is_file()
    assert unit.stem in BUILD


@pytest.mark.parametrize("program", sorted(GUEST.glob("*.py")), ids=lambda p: p.name)
def test_a_program_of_the_guest_needs_nothing_but_python(program):
    names = re.findall(r"^\s*(?:from|import) (\w+)", program.read_text(), re.MULTILINE)
    assert set(names) <= set(sys.stdlib_module_names)


def test_the_help_lists_every_case_and_touches_nothing():
    shown = subprocess.run(
        [ROOT / "scripts" / "test-bluez", "--help"],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": os.defpath},
    ).stdout
    assert "scripts/test-bluez --keep DIR" in shown
    assert [case.name for case in CASES if f"  {case.name}: " not in shown] == []
