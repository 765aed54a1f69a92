"""Nothing passes an audit that nobody made."""

import json
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCK = "click==8.5.1 \\\n    --hash=sha256:00\nnumpy==1.26.4 ; x == 'y' \\\n"


@pytest.fixture(scope="module")
def judge():
    path = ROOT / "scripts" / "packaging" / "audited.py"
    spec = spec_from_file_location("audited", path)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.judge


def report(**packages):
    found = [{"name": name, **facts} for name, facts in packages.items()]
    return json.dumps({"dependencies": found, "fixes": []})


FINE = {"version": "1", "vulns": []}
HOLE = {"id": "PYSEC-2026-1", "fix_versions": ["8.6"]}


def test_all_known_and_none_vulnerable_is_good(judge):
    assert judge(LOCK, report(click=FINE, numpy=FINE))[0] == 0


def test_a_vulnerable_one_is_named_with_its_fix(judge):
    bad = {"version": "8.5.1", "vulns": [HOLE]}
    status, words = judge(LOCK, report(click=bad, numpy=FINE))
    assert status == 1
    assert words == ["click 8.5.1: PYSEC-2026-1, fixed in 8.6"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        report(click=FINE),
        report(click=FINE, numpy={"skip_reason": "not found"}),
        report(),
    ],
)
def test_what_was_not_audited_is_not_good(judge, text):
    status, words = judge(LOCK, text)
    assert status == 2
    assert any("not audited" in line or "nothing was" in line for line in words)


@pytest.mark.parametrize("python", ["3.11", "3.13"])
def test_every_locked_package_is_pinned_with_hashes(python):
    lock = (ROOT / f"scripts/packaging/python{python}.lock").read_text()
    entries = [part for part in lock.replace("\\\n", " ").splitlines() if "==" in part]
    assert len(entries) > 10
    assert all("--hash=sha256:" in entry for entry in entries)
    assert {"numpy", "paho-mqtt", "pyyaml"} <= {e.split("==")[0] for e in entries}
