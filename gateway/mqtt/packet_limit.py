"""paho-mqtt that keeps no message larger than it has use for.

paho gathers whatever length a packet announces, up to the 256 MB of the protocol. MQTT
5 lets a client say what it takes, but a broker that means harm, or one of MQTT 3.1.1,
need not know. What is too large is read and thrown away, so that the connection, and
what it is there for, go on.
"""

import logging

from paho.mqtt import client as paho
from paho.mqtt.enums import MessageType, MQTTErrorCode

log = logging.getLogger(__name__)

HEARD_BYTES = 65_536  # of a packet; a request has 4096 at most
FRAME_BYTES = 4 * HEARD_BYTES  # of what has been read of a WebSocket's frame
KIND, QOS, EXACTLY_ONCE = 0xF0, 0x06, 0x04  # in a first byte: MQTT 5, 2.1 and 3.3.1.2


class PacketLimit(paho.Client):
    """A client that hears messages up to `HEARD_BYTES`, of QoS 0 and 1.

    Messages of QoS 2 are kept until they are released; nobody who subscribes to less is
    sent one by a broker in its right mind.
    """

    _told = False

    def _sock_recv(self, bufsize: int) -> bytes:
        if len(getattr(self._sock, "_readbuffer", b"")) > FRAME_BYTES:
            raise ConnectionError("a WebSocket frame that does not end")
        if self._is_unwanted():
            self._in_packet["packet"].clear()
        return super()._sock_recv(min(bufsize, HEARD_BYTES))

    def _packet_handle(self) -> MQTTErrorCode:
        if not self._is_unwanted():
            return super()._packet_handle()
        if not self._told:
            self._told = True
            log.warning(
                "the broker sends what nobody asked for (%d bytes); not listened to",
                self._in_packet["remaining_length"],
            )
        return MQTTErrorCode.MQTT_ERR_SUCCESS

    def _is_unwanted(self) -> bool:
        if self._in_packet["remaining_length"] > HEARD_BYTES:
            return True
        command = self._in_packet["command"]
        return command & KIND == MessageType.PUBLISH and command & QOS == EXACTLY_ONCE
