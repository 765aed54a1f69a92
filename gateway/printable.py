"""Printable text: what strangers wrote, made inert for terminals, logs and tables."""


def printable(text: str) -> str:
    r"""Return a text with every character escaped that a terminal might obey.

    Escape sequences, line ends, bells and marks that turn the direction of writing
    stay visible as Python writes them. Printable text comes back as it is.

    Examples
    --------
    >>> printable("Muse-1A2B")
    'Muse-1A2B'
    >>> printable("a\x1b[2J\n")
    'a\\x1b[2J\\n'
    """
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode()
        for each in text
    )


def printable_lines(text: str) -> str:
    r"""Return a text of several lines, each `printable`; their ends and tabs are kept.

    For whole messages that this program composed of what others wrote.

    Examples
    --------
    >>> printable_lines("two\nlines\x07")
    'two\nlines\\x07'
    """
    return "\n".join(
        "\t".join(map(printable, line.split("\t"))) for line in text.split("\n")
    )


def shortened(text: str, most: int) -> str:
    """Return a text of at most about `most` characters, which says what is left out.

    Examples
    --------
    >>> shortened("a long name", 6)
    'a long... (5 more characters)'
    """
    if len(text) <= most:
        return text
    return f"{text[:most]}... ({len(text) - most} more characters)"
