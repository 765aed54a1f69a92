"""The example session of each driver, found beside its test."""

import re
from importlib import import_module
from importlib.util import find_spec

from gateway.drivers import Listen, Read, Write

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
LONGEST = 1000  # requests of a handshake


def example_of(name):
    """Return what answers the handshake of driver `name`, and what then arrives.

    The second is a list of notifications that make samples.
    """
    module = f"tests.drivers.{name}_example"
    if find_spec(module) is None:
        raise AssertionError(
            f"driver {name!r} has no example session: add tests/drivers/"
            f"{name}_example.py with a function example() that returns two things: a "
            "function from a request of the handshake to its answer, and a list of "
            "notifications that make samples (ganglion_example.py is a short one)"
        )
    return import_module(module).example()


def shake(driver, answer):
    handshake = driver.handshake()
    request = next(handshake)
    for _ in range(LONGEST):
        assert isinstance(request, Read | Write | Listen)
        assert UUID.fullmatch(request.char)
        try:
            request = handshake.send(answer(request))
        except StopIteration as done:
            return done.value
    raise AssertionError(f"{driver.name} never stops asking")
