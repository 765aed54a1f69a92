"""Answers of a Muse, old or new, to the commands of its handshake."""

from gateway.drivers import Write
from gateway.drivers.muse_classic import control


def muse_example(said, data):
    """Answer every command with `said` and every electrode's turn with its data."""
    replies = []

    def answer(request):
        if isinstance(request, Write):
            replies[:] = control.encode_reply(said)
            return b""
        if request.char == control.CONTROL:
            return replies.pop(0) if replies else b""
        return next(n.payload for n in data if n.char == request.char)

    return answer, data
