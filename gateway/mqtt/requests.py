"""Serves requests that come over MQTT, one after the other."""

import logging
from collections.abc import Awaitable, Callable, Mapping

from gateway.errors import GatewayError, RequestError
from gateway.mqtt.client import MqttClient
from gateway.mqtt.client_events import Message, Received
from gateway.mqtt.request_handlers import Serve, ServedVerbs
from gateway.mqtt.request_messages import (
    MqttRequest,
    error_payload,
    ok_payload,
    read_request,
)
from gateway.mqtt.topics import Topic, TopicTree

log = logging.getLogger(__name__)

WILDCARDS = frozenset("+#\0")


async def serve_requests(
    client: MqttClient,
    topics: TopicTree,
    verbs: ServedVerbs,
    others: Mapping[str, Callable[[Received], Awaitable[None]]],
) -> None:
    """Answer until cancelled.

    Parameters
    ----------
    client : MqttClient
        Subscribed to the topics of requests.
    topics : TopicTree
    verbs : ServedVerbs
        Each serves a request and returns the answer's data; raises `GatewayError` when
        it cannot, which is the answer then.
    others : mapping of str to callable
        What to do with messages on topics that are no requests.
    """
    while True:
        received = await client.receive()
        if received.topic in others:
            await others[received.topic](received)
            continue
        payload = await _answer(received, verbs)
        await client.publish(Message(topics.response_to(received.topic), payload))
        if received.reply_to and not set(received.reply_to) & WILDCARDS:
            topic = Topic(received.reply_to, retain=False)
            await client.publish(Message(topic, payload, received.correlation))


async def _answer(received: Received, verbs: ServedVerbs) -> bytes:
    request = None
    try:
        request = read_request(received.topic, received.payload)
        serve = _server(received, request, verbs)
        return ok_payload(request, await serve(request))
    except RequestError as error:
        log.info("request on %s refused: %s", received.topic, error)
        return error_payload(request, error)
    except GatewayError as error:
        log.warning("request on %s failed: %s", received.topic, error)
        return error_payload(request, RequestError("failed", str(error)))


def _server(received: Received, request: MqttRequest, verbs: ServedVerbs) -> Serve:
    if received.retained:
        raise RequestError(
            "retained",
            "a retained request would be served again at every connection; publish "
            "it without the retain flag, and clear the topic",
        )
    served = verbs.of(request.whom)
    if request.verb not in served:
        known = ", ".join(sorted(served)) or "nothing"
        raise RequestError("unknown_verb", f"no {request.verb!r}; there is {known}")
    return served[request.verb]
