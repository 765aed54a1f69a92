"""Text of strangers is shown, not obeyed."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.printable import printable


@given(st.text())
def test_nothing_that_a_terminal_obeys_is_left(text):
    shown = printable(text)
    assert shown.isprintable()
    assert (shown == text) == text.isprintable()


def test_escapes_line_ends_and_turned_text_stay_visible():
    assert printable("a\x1b]0;x\x07b\r\n") == r"a\x1b]0;x\x07b\r\n"
    assert printable("\u202eevil") == r"\u202eevil"
    assert printable("Müse 1") == "Müse 1"
