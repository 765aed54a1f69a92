"""What can be asked over MQTT: of the gateway, and about a headband."""

from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

from gateway.errors import RequestError
from gateway.host.metrics import supervised
from gateway.journal.journal import Journal
from gateway.messages.control import (
    BeginSession,
    Command,
    Control,
    EndSession,
    Mark,
    MarkLights,
    Reload,
    Restart,
)
from gateway.mqtt.publisher import Publisher
from gateway.mqtt.request_messages import MqttRequest, read_action

Serve = Callable[[MqttRequest], Awaitable[Mapping[str, object]]]


class ServedVerbs(NamedTuple):
    """What is served: verbs of the gateway itself, and verbs of its headbands."""

    bridge: Mapping[str, Serve]
    headband: Mapping[str, Serve]

    def of(self, whom: str) -> Mapping[str, Serve]:
        """Return the verbs of ``"bridge"`` or of a headband."""
        return self.bridge if whom == "bridge" else self.headband


class RequestHandlers:
    """Serves what is asked.

    Parameters
    ----------
    publisher : Publisher
        Knows the headbands and whether a session runs.
    journal : Journal
    control : Control or None
        Who carries out what the daemon is asked to do; None if nobody does.
    report : callable
        Says how the gateway does, at once.
    """

    def __init__(
        self,
        publisher: Publisher,
        journal: Journal,
        control: Control | None,
        report: Callable[[], Awaitable[None]],
    ) -> None:
        self._publisher = publisher
        self._journal = journal
        self._control = control
        self._report = report

    def verbs(self) -> ServedVerbs:
        """Return what can be asked."""
        bridge = {"replay": self._replay, "health": self._health}
        if self._control is None:
            return ServedVerbs(bridge, {})
        return ServedVerbs(
            {**bridge, "restart": self._restart, "config_reload": self._reload},
            {"session": self._session, "lights": self._lights, "mark": self._mark},
        )

    async def _replay(self, request: MqttRequest) -> Mapping[str, object]:
        since = request.whole_number("from")
        contents = await self._journal.contents()
        until = request.whole_number("to", contents.next_seq)
        n = await self._journal.replay(since, until)
        return {"epochs": n, "first_seq": contents.first_seq}

    async def _health(self, _request: MqttRequest) -> Mapping[str, object]:
        await self._report()
        return {"topic": self._publisher.topics.bridge_health.name}

    async def _restart(self, _request: MqttRequest) -> Mapping[str, object]:
        if not supervised():
            raise RequestError(
                "not_supervised", "nobody would start it again: it is no service"
            )
        self._ask(Restart())
        return {}

    async def _reload(self, _request: MqttRequest) -> Mapping[str, object]:
        self._ask(Reload())
        return {"topic": self._publisher.topics.bridge_info.name}

    async def _session(self, request: MqttRequest) -> Mapping[str, object]:
        action = read_action(request, ("start", "stop"))
        self._look_up(request.whom)
        asked = BeginSession if action == "start" else EndSession
        self._ask(asked(request.whom))
        return {"device": request.whom, "action": action}

    async def _lights(self, request: MqttRequest) -> Mapping[str, object]:
        action = read_action(request, ("off", "on"))
        self._look_up(request.whom, in_session=True)
        self._ask(MarkLights(request.whom, off=action == "off"))
        return {"device": request.whom, "lights": action}

    async def _mark(self, request: MqttRequest) -> Mapping[str, object]:
        text = request.line("text")
        self._look_up(request.whom, in_session=True)
        self._ask(Mark(request.whom, text))
        return {"device": request.whom, "text": text}

    def _look_up(self, device: str, *, in_session: bool = False) -> None:
        if device not in self._publisher.headbands:
            known = ", ".join(sorted(self._publisher.headbands)) or "none"
            raise RequestError("no_device", f"no headband {device!r}; there is {known}")
        if in_session and not self._publisher.in_session(device):
            raise RequestError("no_session", f"no session of {device} runs; start one")

    def _ask(self, command: Command) -> None:
        if self._control is not None:
            self._control.ask(command)
