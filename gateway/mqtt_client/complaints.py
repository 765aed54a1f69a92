"""What is wrong with the broker, said once."""

import logging

log = logging.getLogger(__name__)


class Complaints:
    """Logs what is wrong, once until it changes or all is well again."""

    def __init__(self) -> None:
        self._about = ""
        self._refused: dict[str, str] = {}

    @property
    def of_the_connection(self) -> str:
        """What was last complained of, and not well since; empty if nothing."""
        return self._about

    def about(self, what: str) -> None:
        """Complain of the connection."""
        if what != self._about:
            self._about = what
            log.warning("%s", what)

    def of_refusal(self, topic: str, why: str) -> None:
        """Complain of a message that was refused."""
        if self._refused.get(topic) != why:
            self._refused[topic] = why
            log.warning("the broker refuses messages on %s: %s", topic, why)

    def accepted(self, topic: str) -> None:
        """Forget what was wrong with messages on `topic`."""
        if self._refused.pop(topic, None) is not None:
            log.info("the broker takes messages on %s again", topic)

    def connection_is_well(self) -> None:
        """Forget what was wrong with the connection."""
        self._about = ""
