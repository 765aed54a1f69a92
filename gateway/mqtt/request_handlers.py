"""Handlers of the requests that come over MQTT."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

from gateway.errors import GatewayError, RequestError
from gateway.fault_barrier import Edge, FaultBarrier
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
from gateway.mqtt.client import MqttClient
from gateway.mqtt.client_events import Message, Received
from gateway.mqtt.publisher import Publisher
from gateway.mqtt.request_messages import (
    MqttRequest,
    error_payload,
    ok_payload,
    read_action,
    read_request,
)
from gateway.mqtt.topics import Topic, TopicTree

log = logging.getLogger(__name__)

LOGGED = 200  # characters of what an outsider wrote

Serve = Callable[[MqttRequest], Awaitable[Mapping[str, object]]]


class ServedVerbs(NamedTuple):
    """Verbs that are served: of the gateway itself, and of its headbands."""

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


def _server(request: MqttRequest, verbs: ServedVerbs) -> Serve:
    served = verbs.of(request.whom)
    if request.verb not in served:
        known = ", ".join(sorted(served)) or "nothing"
        raise RequestError(
            "unknown_verb", f"no {request.verb[:LOGGED]!r}; there is {known}"
        )
    return served[request.verb]


async def serve_requests(
    client: MqttClient,
    topics: TopicTree,
    verbs: ServedVerbs,
    receive: Callable[[Received], bool],
    faults: FaultBarrier,
) -> None:
    """Answer until cancelled; an unexpected error costs the message that caused it.

    Parameters
    ----------
    client : MqttClient
        Subscribed to the topics of requests.
    topics : TopicTree
    verbs : ServedVerbs
        Each serves a request and returns the answer's data; raises `GatewayError` when
        it cannot, which is the answer then.
    receive : callable
        Takes in a message on a topic of no request, and returns whether it was that.
    faults : FaultBarrier
    """
    while True:
        received = await client.receive()
        with faults.at(Edge.MQTT_MESSAGE, received.topic):
            await _serve_one(received, client, topics, verbs, receive)


async def _serve_one(
    received: Received,
    client: MqttClient,
    topics: TopicTree,
    verbs: ServedVerbs,
    receive: Callable[[Received], bool],
) -> None:
    if receive(received):
        return  # it came before anybody listened
    payload = await _answer(received, verbs)
    await client.publish(Message(topics.response_to(received.topic), payload))
    if received.response_topic is not None:
        if topics.may_answer_on(received.response_topic):
            topic = Topic(received.response_topic, retain=False)
            await client.publish(Message(topic, payload, received.correlation))
        else:
            log.info(
                "request on %s: no answer on its response topic %r: give one below %s",
                received.topic[:LOGGED],
                received.response_topic[:LOGGED],
                f"{topics.base}/.../response/",
            )


def _refuse_retained(received: Received) -> None:
    if received.retained:
        raise RequestError(
            "retained",
            "a retained request would be served again at every connection; publish "
            "it without the retain flag, and clear the topic",
        )


async def _answer(received: Received, verbs: ServedVerbs) -> bytes:
    request = None
    try:
        _refuse_retained(received)  # before it is parsed: it comes at every start
        request = read_request(received.topic, received.payload)
        serve = _server(request, verbs)
        return ok_payload(request, await serve(request))
    except RequestError as error:
        log.info(
            "request on %s refused: %s", received.topic[:LOGGED], str(error)[:LOGGED]
        )
        return error_payload(request, error)
    except GatewayError as error:
        log.warning("request on %s failed: %s", received.topic, error)
        return error_payload(request, RequestError("failed", str(error)))
