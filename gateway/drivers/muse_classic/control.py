"""Control: one-line commands in, JSON objects out; the same for every Muse.

A command is its length plus one, its ASCII text and a line feed, e.g. ``02 68 0a``
for ``h``. Answers come as notifications of one length byte, that many characters and,
up to 20 bytes, whatever was there before; an object goes on from one notification to
the next, and one notification can hold the end of one object and the start of another.

Presets and commands as in urish/muse-js and alexandrebarachant/muse-lsl: ``v1`` or
``v6`` version, ``s`` status, ``h`` halt, ``pNN`` preset, ``d`` or ``dc001`` start,
``k`` keep alive, ``*1`` reset.
"""

import json
from collections.abc import Generator, Iterator
from typing import NamedTuple

from gateway.drivers import Listen, Write
from gateway.errors import DecodeError

SERVICE = "0000fe8d-0000-1000-8000-00805f9b34fb"  # Interaxon's
CONTROL = "273e0001-4c4d-454d-96be-f03bac821358"
PREFIXES = ("Muse-", "MuseS-", "SMXT-")
REPLY_BYTES = 20

PAUSE_S = 0.2  # commands that follow faster get lost
REPLY_S = 0.5
MAX_PIECES = 64  # of one reply; a status takes 20
MAX_TEXT = 4096

Ask = Generator[Write | Listen, bytes, "Reply"]


class Reply(NamedTuple):
    """Fields of an answer that matter here; None where it has none.

    `rc` is 0 unless the command was refused, `application` what runs on the
    headband (``"headset"`` or ``"bootloader"``), `firmware` its version.
    """

    rc: int | None = None
    application: str | None = None
    firmware: str | None = None


def command(text: str) -> bytes:
    """Return the value to write to control, e.g. of ``command("p21")``."""
    return bytes([len(text) + 1]) + text.encode("ascii") + b"\n"


def decode_command(value: bytes) -> str:
    """Read what was written to control; the inverse of `command`.

    Raises
    ------
    DecodeError
        On a value that is no command.
    """
    text = value[1:-1]
    if value != bytes([len(value) - 1 & 0xFF]) + text + b"\n" or not text.isascii():
        raise DecodeError("no command", value)
    return text.decode()


def encode_reply(said: dict[str, object]) -> Iterator[bytes]:
    """Yield the notifications that carry the JSON object `said`.

    The bytes after a short last piece are zeros; a headband leaves stale ones.
    """
    text, room = json.dumps(said, separators=(",", ":")).encode(), REPLY_BYTES - 1
    for at in range(0, len(text), room):
        piece = text[at : at + room]
        yield bytes([len(piece)]) + piece.ljust(room, b"\0")


class Replies:
    """Puts answers together again."""

    def __init__(self) -> None:
        self._text = ""

    def feed(self, value: bytes) -> list[Reply]:
        """Return the answers that the notification `value` completes.

        Raises
        ------
        DecodeError
            If that is no piece of an answer, or no JSON.
        """
        piece = value[1 : 1 + value[0]] if value else b""
        if not piece or len(piece) < value[0] or not piece.isascii():
            raise DecodeError("no piece of a reply", value)
        self._text += piece.decode()
        if len(self._text) > MAX_TEXT:
            raise DecodeError(f"a reply of more than {MAX_TEXT} characters", value)
        *objects, self._text = self._text.split("}")
        return [_reply(text + "}", value) for text in objects]


def _reply(text: str, value: bytes) -> Reply:
    """Read one object; answers are flat, what precedes the brace is not ours."""
    try:
        said = json.loads(text[max(text.find("{"), 0) :])
    except (ValueError, RecursionError) as error:  # brackets in thousands
        raise DecodeError(f"a reply that is no JSON ({error})", value) from error
    rc, application, firmware = (said.get(key) for key in ("rc", "ap", "fw"))
    return Reply(
        rc if isinstance(rc, int) else None,
        application if isinstance(application, str) else None,
        firmware if isinstance(firmware, str) else None,
    )


def tell(text: str, pause_s: float = PAUSE_S) -> Write:
    """Return the request that sends the command `text`."""
    return Write(CONTROL, command(text), response=False, pause_s=pause_s)


def ask(text: str, replies: Replies) -> Ask:
    """Send the command `text` and return the answer to it, empty if none comes.

    Raises
    ------
    DecodeError
        If what comes is no answer, or has no end.
    """
    yield tell(text)
    for _ in range(MAX_PIECES):
        value = yield Listen(CONTROL, REPLY_S)
        if not value:
            return Reply()
        if answers := replies.feed(value):
            return answers[-1]
    raise DecodeError(f"the reply to {text!r} never ends", value)
