"""The journal gets fields, by either way, and never holds the night up."""

import io
import logging
import socket
import struct
import sys
from contextlib import suppress
from types import ModuleType

import pytest

from gateway.daemon.systemd_journal import Datagrams, JournalHandler, choose


@pytest.fixture
def journal(tmp_path):
    path = str(tmp_path / "socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journal:
        journal.bind(path)
        journal.settimeout(0)
        yield path, journal


def entry_of(datagram):
    """Read an entry as journald does: JOURNAL_NATIVE_PROTOCOL."""
    entry, at = {}, 0
    while at < len(datagram):
        end = datagram.index(b"\n", at)
        name, equals, value = datagram[at:end].partition(b"=")
        if not equals:
            (size,) = struct.unpack_from("<Q", datagram, end + 1)
            value = datagram[end + 9 : end + 9 + size]
            end += 9 + size
            assert datagram[end : end + 1] == b"\n"
        entry[name.decode()] = value.decode()
        at = end + 1
    return entry


@pytest.fixture
def logger():
    logger = logging.getLogger("gateway.somewhere")
    logger.setLevel(logging.INFO)
    yield logger
    for handler in list(logger.handlers):
        logger.removeHandler(handler)
        handler.close()


def written(logger, way):
    other = io.StringIO()
    logger.addHandler(JournalHandler(way, logging.StreamHandler(other)))
    return other


@pytest.mark.parametrize("text", ["N2", "two\nlines", "a=b\n=c\n", "", "äöü"])
def test_what_is_logged_arrives_whole_with_its_fields(journal, logger, text):
    path, ear = journal
    written(logger, Datagrams(path))
    logger.warning("said: %s", text, extra={"EPOCH": 412, "STAGE": text, "lower": 1})
    entry = entry_of(ear.recv(9999))
    assert entry["MESSAGE"] == f"said: {text}"
    assert entry["PRIORITY"] == "4"
    assert entry["SYSLOG_IDENTIFIER"] == "sleepgate"
    assert entry["EPOCH"] == "412"
    assert entry["STAGE"] == text
    assert "lower" not in entry
    assert entry["LOGGER"] == "gateway.somewhere"
    assert entry["CODE_FUNC"].startswith("test_what_is_logged")


def test_a_traceback_is_part_of_the_message(journal, logger):
    path, ear = journal
    written(logger, Datagrams(path))
    logger.error("failed", exc_info=ValueError("of old"))
    message = entry_of(ear.recv(9999))["MESSAGE"]
    assert message == "failed\nValueError: of old"


def test_a_journal_that_does_not_read_holds_nobody_up_and_loses_nothing(
    journal, logger
):
    path, ear = journal
    other = written(logger, Datagrams(path))
    for number in range(2000):
        logger.warning("%d", number)
    heard = []
    with suppress(BlockingIOError):
        while True:
            heard.append(entry_of(ear.recv(9999))["MESSAGE"])
    assert heard
    assert heard + other.getvalue().split() == [str(n) for n in range(2000)]


def test_without_a_journal_the_words_go_where_they_went_before(tmp_path, logger):
    other = written(logger, Datagrams(str(tmp_path / "nobody")))
    logger.warning("still heard")
    assert other.getvalue() == "still heard\n"


def test_systemd_python_is_used_where_it_is_installed(monkeypatch, logger):
    sent = []
    package, journal = ModuleType("systemd"), ModuleType("systemd.journal")
    journal.sendv = lambda *lines: sent.append(lines)
    package.journal = journal
    monkeypatch.setitem(sys.modules, "systemd", package)
    monkeypatch.setitem(sys.modules, "systemd.journal", journal)
    written(logger, choose())
    logger.info("epoch %d", 7, extra={"EPOCH": 7})
    (lines,) = sent
    assert {b"MESSAGE=epoch 7", b"EPOCH=7", b"PRIORITY=6"} <= set(lines)


def test_without_it_the_datagram_is(monkeypatch):
    monkeypatch.setitem(sys.modules, "systemd", None)
    way = choose()
    assert isinstance(way, Datagrams)
    way.close()
