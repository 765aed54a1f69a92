"""Examples in docstrings of the core give what they show."""

import doctest
from importlib import import_module
from pathlib import Path

import pytest

import gateway

CORE = ("acquisition", "drivers", "preprocessing", "staging", "evaluation", "formats")
ROOT = Path(gateway.__file__).parent
PATHS = sorted(path for folder in CORE for path in (ROOT / folder).rglob("*.py"))
MODULES = [
    ".".join(path.relative_to(ROOT.parent).with_suffix("").parts)
    for path in PATHS
    if ">>>" in path.read_text()
]


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings_are_true(name):
    failed, attempted = doctest.testmod(import_module(name))
    assert attempted
    assert not failed


def test_examples_are_found():
    assert "gateway.acquisition.clock_fit" in MODULES
