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
