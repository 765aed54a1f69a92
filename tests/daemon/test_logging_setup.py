"""Whatever an outsider writes reaches the log inert, cut and rate-limited."""

import io
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.daemon.logging_setup import (
    BURST,
    LONGEST_MESSAGE,
    WINDOW_S,
    InertFormatter,
    LogRateLimit,
    line_formatter,
)


class Clock:
    now_s = 0.0

    def __call__(self):
        return self.now_s


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def log(clock):
    handler, logger = (
        logging.StreamHandler(io.StringIO()),
        logging.getLogger("outsiders"),
    )
    logger.setLevel(logging.DEBUG)
    handler.setFormatter(InertFormatter("%(message)s"))
    handler.addFilter(LogRateLimit(clock))
    logger.addHandler(handler)
    logger.lines = lambda: handler.stream.getvalue().splitlines()
    yield logger
    logger.removeHandler(handler)


def record(text, *args, exc_info=None):
    return logging.LogRecord("somewhere", logging.INFO, "a.py", 1, text, args, exc_info)


@given(st.text())
def test_a_message_is_one_line_that_no_terminal_obeys(text):
    line = line_formatter().format(record("a name: %s", text))
    assert line.isprintable()


@given(st.text(min_size=1))
def test_so_is_every_line_of_a_traceback(text):
    seen = ValueError, ValueError(text), None
    lines = line_formatter().format(record("failed", exc_info=seen)).split("\n")
    assert all(line.isprintable() for line in lines)
    assert any("ValueError" in line for line in lines)


def test_a_long_text_is_cut_and_says_so(log):
    log.info("%s", "x" * 5000)
    (line,) = log.lines()
    assert len(line) < LONGEST_MESSAGE + 50
    assert line.endswith("(4000 more characters)")


def test_the_journals_prefix_stands_before_every_line():
    formatter = InertFormatter("%(message)s", priority=True)
    assert formatter.format(record("two\nlines")) == r"<6>two\nlines"


def test_who_knocks_again_and_again_fills_no_log(log, clock):
    for number in range(1000):
        log.warning("request %d refused", number)
    assert len(log.lines()) == BURST
    assert "more like this" in log.lines()[-1]
    clock.now_s += WINDOW_S
    log.warning("another")
    log.warning("request %d refused", 1000)
    assert len(log.lines()) == BURST + 2


def test_others_are_logged_while_one_is_limited(log):
    for number in range(1000):
        log.warning("request %d refused", number)
    log.warning("the disk is full")
    assert log.lines()[-1] == "the disk is full"


def test_who_asks_for_debug_messages_gets_all(log):
    for number in range(100):
        log.debug("packet %d", number)
    assert len(log.lines()) == 100
