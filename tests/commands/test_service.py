"""Installed, installed again, removed: the tree tells."""

import os
import shutil
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.__main__ import complain
from gateway.commands import cli
from gateway.errors import ConfigError, GatewayError
from gateway.install import installation
from gateway.install.installation import shipped, unreachable

as_root = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("systemd-sysusers"),
    reason="changes owners: needs root and systemd's programs",
)
# what useradd and systemd-sysusers leave for themselves
TRACES = (".pwd.lock", "passwd-", "group-", "shadow-", "gshadow-")


@pytest.fixture
def root(tmp_path):
    """Return a tree with the least of Debian's files."""
    root = tmp_path / "root"
    for folder in ("etc/systemd/system", "usr/bin", "usr/lib/systemd/system"):
        (root / folder).mkdir(parents=True)
    (root / "var/lib").mkdir(parents=True)
    (root / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/bash\n")
    (root / "etc/shadow").write_text("root:*:19000:0:99999:7:::\n")
    (root / "etc/group").write_text("root:x:0:\n")
    (root / "etc/gshadow").write_text("root:*::\n")
    (root / "usr/bin/sleepgate").touch()
    unit = "usr/lib/systemd/system/multi-user.target"
    (root / unit).write_text("[Unit]\nDescription=All\n")
    return root


def tree(root):
    return {
        path.relative_to(root).as_posix(): (
            stat.filemode(path.lstat().st_mode),
            path.lstat().st_gid,
            path.read_text() if path.is_file() else path.name,
        )
        for path in root.rglob("*")
        if path.name not in TRACES
    }


def service(root, *words, program="/usr/bin/sleepgate"):
    result = CliRunner().invoke(
        cli, ["service", *words, "--root", str(root), "--program", program]
    )
    if isinstance(result.exception, GatewayError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout.splitlines()


@as_root
def test_installed_twice_is_installed_once(root):
    first = service(root, "install")
    once = tree(root)
    assert any("sleepgate.service" in line for line in first)
    assert service(root, "install") == []
    assert tree(root) == once


@as_root
def test_the_unit_is_the_shipped_one_but_for_its_program(root):
    service(root, "install")
    (root / "opt/pipx/bin").mkdir(parents=True)
    (root / "opt/pipx/bin/sleepgate").touch()
    service(root, "uninstall")
    service(root, "install", program="/opt/pipx/bin/sleepgate")
    unit = (root / "etc/systemd/system/sleepgate.service").read_text()
    theirs, ours = (
        unit.splitlines(),
        shipped("install/unit/sleepgate.service").splitlines(),
    )
    changed = [pair for pair in zip(theirs, ours, strict=True) if pair[0] != pair[1]]
    ((line, _),) = changed
    assert line.startswith(
        "ExecStart=/opt/pipx/bin/sleepgate run --config /etc/sleepgate/"
    )


@as_root
def test_a_configuration_is_readable_by_the_service_and_nobody_else(root):
    service(root, "install")
    there = tree(root)
    gid = there["etc/sleepgate"][1]
    assert there["etc/group"][2].endswith(f"sleepgate:x:{gid}:\n")
    assert there["etc/sleepgate"][0] == "drwxr-x---"
    assert there["etc/sleepgate/sleepgate.yaml"][:2] == ("-rw-r-----", gid)


@as_root
def test_what_was_installed_and_not_used_is_removed_without_a_trace(root):
    before = tree(root)
    service(root, "install")
    assert tree(root) != before
    service(root, "uninstall")
    assert tree(root) == before
    assert service(root, "uninstall") == []


@as_root
def test_what_was_used_stays_until_it_is_purged(root):
    before = tree(root)
    service(root, "install")
    (root / "etc/sleepgate/sleepgate.yaml").write_text("devices: []\n")
    (root / "var/lib/sleepgate").mkdir()
    (root / "var/lib/sleepgate/journal.sqlite").write_text("nights")
    service(root, "uninstall")
    assert not (root / "etc/systemd/system/sleepgate.service").exists()
    assert (root / "var/lib/sleepgate/journal.sqlite").exists()
    assert "sleepgate" in (root / "etc/passwd").read_text()
    service(root, "install")
    assert (root / "etc/sleepgate/sleepgate.yaml").read_text() == "devices: []\n"
    service(root, "uninstall", "--purge")
    assert tree(root) == before


@as_root
@pytest.mark.parametrize("words", [["install"], ["uninstall", "--purge"]])
def test_a_dry_run_says_the_same_and_does_nothing(root, words):
    if words[0] == "uninstall":
        service(root, "install")
    before = tree(root)
    would = service(root, *words, "--dry-run")
    assert tree(root) == before
    assert would == [f"would {line}" for line in service(root, *words)]


def test_beside_the_debian_package_it_is_refused(root):
    (root / "usr/lib/systemd/system/sleepgate.service").touch()
    with pytest.raises(ConfigError, match="apt remove sleepgate"):
        service(root, "install")


def test_without_systemd_it_is_refused(monkeypatch, tmp_path):
    monkeypatch.setattr(installation, "RUNNING", tmp_path / "no")
    for words in (["install"], ["uninstall"], ["status"], ["logs"]):
        result = CliRunner().invoke(cli, ["service", *words])
        assert isinstance(result.exception, ConfigError)
        assert "systemd does not run this machine" in str(result.exception)
        assert complain(result.exception) == 2


def test_a_program_in_somebody_s_home_cannot_be_a_service(root):
    (root / "root/.local/bin").mkdir(parents=True)
    (root / "root/.local/bin/sleepgate").touch()
    with pytest.raises(ConfigError, match="PIPX_HOME=/opt/pipx"):
        service(root, "install", program="/root/.local/bin/sleepgate")


def test_a_program_behind_a_closed_door_cannot_be_a_service(root):
    (root / "opt/bin").mkdir(parents=True)
    (root / "opt/bin/sleepgate").touch()
    assert unreachable(Path("/opt/bin/sleepgate"), root) == ""
    (root / "opt").chmod(0o750)
    with pytest.raises(ConfigError, match="not everybody may enter"):
        service(root, "install", program="/opt/bin/sleepgate")


def test_a_program_that_is_not_there_cannot_be_a_service(root):
    with pytest.raises(ConfigError, match="no such program"):
        service(root, "install", program="/opt/bin/sleepgate")
