"""Topics of every message on the broker, and how long it may stay there. Pure.

A sleep stage is retained only where it can expire: a retained message without
expiry would tell whoever subscribes at noon that the empty bed is in REM.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import NamedTuple

from gateway.errors import ConfigError

ONLINE, OFFLINE = b"online", b"offline"
STAGE_EXPIRY_S = 90  # three epochs: one lost and a reconnect do not flap
TELEMETRY_EXPIRY_S = 3600
HEALTH_EXPIRY_S = 180  # three reports
ALWAYS = frozenset({"availability", "state", "info", "health"})
LANE = {"phase": "event", "svg": "hypnogram"}  # others are named like their topic
DEVICE = re.compile(r"[a-z0-9_-]+")


class Topic(NamedTuple):
    """A topic and how messages on it are to be kept.

    Attributes
    ----------
    name : str
    retain : bool
        Kept by the broker for later subscribers.
    expiry_s : int or None
        Seconds after which the broker forgets it; needs MQTT 5.
    qos : int
    """

    name: str
    retain: bool
    expiry_s: int | None = None
    qos: int = 1

    def retained_by(self, protocol: str) -> bool:
        """Tell whether to set the retain flag under protocol ``"5"`` or ``"3.1.1"``."""
        return self.retain and (protocol == "5" or self.expiry_s is None)


WILDCARDS = frozenset("+#\0")


def may_be_published(topic: str, lanes: Collection[str]) -> bool:
    """Return whether `topic` may be published on, where only `lanes` are."""
    leaf = topic.rpartition("/")[2]
    return leaf in ALWAYS or LANE.get(leaf, leaf) in lanes


def base_problem(base: str) -> str | None:
    """Say why no topic can begin with `base`, or None."""
    if not re.search(r"[+#\0\s]|^\$", base) and "" not in base.split("/"):
        return None
    return (
        f"base_topic: {base!r} is no topic; give names separated by '/', without "
        "'+', '#', spaces or a leading '$'"
    )


@dataclass(frozen=True, slots=True)
class TopicTree:
    """The topics under `base`.

    Attributes
    ----------
    base : str
        E.g. ``"sleepgate"``; may have levels, ``"home/sleepgate"``.
    stage_expiry_s : int
        Seconds that a stage stays with the broker.

    Raises
    ------
    ConfigError
        If `base` is no topic to publish to.
    """

    base: str
    stage_expiry_s: int = STAGE_EXPIRY_S

    def __post_init__(self) -> None:
        """Refuse wildcards and empty levels."""
        if problem := base_problem(self.base):
            raise ConfigError([problem])

    @property
    def bridge_state(self) -> Topic:
        """``online`` or ``offline`` for the gateway itself; the will's topic."""
        return Topic(f"{self.base}/bridge/state", retain=True)

    @property
    def bridge_info(self) -> Topic:
        """Say who this gateway is."""
        return Topic(f"{self.base}/bridge/info", retain=True)

    @property
    def bridge_health(self) -> Topic:
        """Say every minute how the gateway does."""
        return Topic(
            f"{self.base}/bridge/health", retain=True, expiry_s=HEALTH_EXPIRY_S, qos=0
        )

    @property
    def requests(self) -> str:
        """Filter of all requests, to the gateway itself and about headbands.

        One for both: of two that overlap, a broker may send a message twice.
        """
        return f"{self.base}/+/request/+"

    @property
    def epochs(self) -> str:
        """Filter of the journal lane of every headband."""
        return f"{self.base}/+/epoch"

    def is_epoch(self, topic: str) -> bool:
        """Return whether `topic` is the journal lane of a headband."""
        inner = topic.removeprefix(f"{self.base}/").removesuffix("/epoch")
        return topic == f"{self.base}/{inner}/epoch" and "/" not in inner

    def request(self, whom: str, verb: str) -> Topic:
        """Ask something about a headband, or of the gateway itself, ``"bridge"``."""
        return self._of(whom, f"request/{verb}", retain=False)

    def response_to(self, request: str) -> Topic:
        """Return the topic of the answer to a request on topic `request`."""
        before, _, verb = request.rpartition("/request/")
        return Topic(f"{before}/response/{verb}", retain=False)

    def probe(self, whom: str) -> Topic:
        """Return where the doctor tries whether messages about `whom` arrive."""
        return self._of(whom, "response/doctor", retain=False)

    def may_answer_on(self, response_topic: str) -> bool:
        """Return whether a request's own response topic is one to publish on.

        Only below `base` and a level ``response``: a request may come from anybody, and
        what it names is published with the gateway's rights.
        """
        levels = response_topic.removeprefix(f"{self.base}/").split("/")
        return (
            response_topic.startswith(f"{self.base}/")
            and "response" in levels[:-1]
            and not set(response_topic) & WILDCARDS
        )

    def availability(self, device: str) -> Topic:
        """``online`` while a headband's samples arrive."""
        return self._of(device, "availability", retain=True)

    def stage(self, device: str) -> Topic:
        """Carry the live lane: the newest epoch."""
        return self._of(device, "stage", retain=True, expiry_s=self.stage_expiry_s)

    def epoch(self, device: str) -> Topic:
        """Carry the journal lane: every epoch, in order, also those that are late."""
        return self._of(device, "epoch", retain=False)

    def summary(self, device: str) -> Topic:
        """Carry the night in numbers, kept for the morning."""
        return self._of(device, "summary", retain=True)

    def telemetry(self, device: str) -> Topic:
        """Carry link, battery and loss, once a minute."""
        expiry_s = TELEMETRY_EXPIRY_S
        return self._of(device, "telemetry", retain=True, expiry_s=expiry_s, qos=0)

    def signal(self, device: str) -> Topic:
        """Carry how each electrode sits, every few seconds."""
        return self._of(device, "signal", retain=False, qos=0)

    def session(self, device: str) -> Topic:
        """Carry when a night began and whether it goes on."""
        return self._of(device, "session", retain=True)

    def hypnogram(self, device: str) -> Topic:
        """Carry the night's stages in runs."""
        return self._of(device, "hypnogram", retain=True)

    def hypnogram_svg(self, device: str) -> Topic:
        """Carry the night's stages as a picture."""
        return self._of(device, "hypnogram/svg", retain=True)

    def event(self, device: str) -> Topic:
        """Carry moments; Home Assistant ignores retained ones."""
        return self._of(device, "event", retain=False)

    def phase(self, device: str) -> Topic:
        """Carry changes of phase in the words of Sleep as Android."""
        return self._of(device, "phase", retain=False)

    def all_retained(self, device: str) -> tuple[Topic, ...]:
        """Return every topic of a headband on which something may be retained."""
        of = (self.availability, self.stage, self.telemetry, self.session, self.summary)
        return (
            *(topic(device) for topic in of),
            *(self.hypnogram(device), self.hypnogram_svg(device)),
        )

    def _of(
        self,
        device: str,
        leaf: str,
        *,
        retain: bool,
        expiry_s: int | None = None,
        qos: int = 1,
    ) -> Topic:
        if not DEVICE.fullmatch(device):
            raise ConfigError(
                [f"device {device!r}: use a-z, 0-9, '_' and '-' only, as in 'bedroom'"]
            )
        return Topic(f"{self.base}/{device}/{leaf}", retain, expiry_s, qos)
