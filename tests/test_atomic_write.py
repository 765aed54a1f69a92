"""The file is the old one or the new one, whole, and remains its owner's."""

import os
import stat

import pytest

from gateway.atomic_write import check_writable, write_text
from gateway.errors import ConfigError


def test_the_text_is_replaced_byte_for_byte(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text("old")
    write_text(path, "a: ä\r\nb: 1\n")
    assert path.read_bytes() == "a: ä\r\nb: 1\n".encode()
    assert [each.name for each in tmp_path.iterdir()] == ["c.yaml"]


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664])
def test_the_mode_stays(tmp_path, mode):
    path = tmp_path / "c.yaml"
    path.write_text("old")
    path.chmod(mode)
    write_text(path, "new")
    assert stat.S_IMODE(path.stat().st_mode) == mode


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_the_owner_stays(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text("old")
    os.chown(path, 1234, 4321)
    write_text(path, "new")
    assert (path.stat().st_uid, path.stat().st_gid) == (1234, 4321)


def test_a_new_file_is_not_for_everybody_and_may_need_a_folder(tmp_path):
    path = tmp_path / "etc" / "c.yaml"
    check_writable(path)
    write_text(path, "new")
    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_link_stays_a_link(tmp_path):
    path, link = tmp_path / "c.yaml", tmp_path / "link.yaml"
    path.write_text("old")
    link.symlink_to(path)
    write_text(link, "new")
    assert link.is_symlink()
    assert path.read_text() == "new"


@pytest.mark.parametrize("fails", ["fsync", "fchmod", "replace"])
def test_a_write_that_fails_leaves_the_old_file_and_no_other(
    tmp_path, monkeypatch, fails
):
    def full(*_arguments, **_options):
        raise OSError(28, "No space left on device")

    path = tmp_path / "c.yaml"
    path.write_text("old")
    with monkeypatch.context() as patch:
        patch.setattr(os, fails, full)
        with pytest.raises(ConfigError, match="No space left on device"):
            write_text(path, "new")
    assert path.read_text() == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["c.yaml"]


def test_a_folder_that_is_not_ours_is_named_with_the_next_step(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write anywhere
    with pytest.raises(ConfigError, match=r"no right to write in .*sudo"):
        check_writable(tmp_path / "c.yaml")
