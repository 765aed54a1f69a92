"""Command lines that a message prints can be pasted as they are."""

import os
import shlex
import shutil
import sys
from pathlib import Path

import pytest

from gateway.own_command import ROOT_PATH, own_command, pair_command
from gateway.paths import SERVICE


@pytest.fixture
def on_path(monkeypatch):
    """Set who runs it, and whether that one and sudo find ``sleepgate``."""

    def where(*, found=False, root_found=False, uid=1000):
        def which(_name, path=None):
            there = root_found if path == ROOT_PATH else found
            return "/usr/bin/sleepgate" if there else None

        monkeypatch.setattr(shutil, "which", which)
        monkeypatch.setattr(os, "geteuid", lambda: uid)

    return where


def test_the_installed_program_is_called_by_its_name(on_path):
    on_path(found=True, root_found=True)
    assert own_command("doctor") == "sleepgate doctor"
    assert own_command("doctor", root=True) == "sudo sleepgate doctor"


def test_root_needs_no_sudo(on_path):
    on_path(found=True, root_found=True, uid=0)
    assert own_command("doctor", root=True) == "sleepgate doctor"


def test_in_a_virtual_environment_sudo_is_given_the_path(on_path, monkeypatch):
    on_path(found=True)
    monkeypatch.setattr(sys, "argv", ["/home/me/v/bin/sleepgate", "run"])
    assert own_command("run") == "sleepgate run"
    assert own_command("run", root=True) == "sudo /home/me/v/bin/sleepgate run"


def test_started_as_a_module_it_is_called_as_one(on_path, monkeypatch):
    on_path()
    monkeypatch.setattr(sys, "argv", ["/x/gateway/__main__.py"])
    assert own_command("run") == f"{sys.executable} -m gateway run"


def test_only_the_services_configuration_wants_sudo_and_no_option(on_path):
    on_path(found=True, root_found=True)
    assert pair_command(SERVICE) == "sudo sleepgate pair --auto --name bedroom"
    mine = Path("/home/me/my.yaml")
    assert pair_command(mine) == f"sleepgate pair --auto --name bedroom --config {mine}"


def test_a_path_with_blanks_is_one_word(on_path):
    on_path(found=True)
    words = shlex.split(own_command("run", Path("/home/me/my night.yaml")))
    assert words[-1] == "/home/me/my night.yaml"
