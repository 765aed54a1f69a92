"""Every epoch once: remember what was seen, ask for what is missing.

python reference_consumer.py [HOST [PORT]]
"""

import json
import sys

from paho.mqtt.client import CallbackAPIVersion, Client

seen, expected = set(), 0


def on_message(client, _userdata, message):
    global expected
    epoch = json.loads(message.payload)
    if epoch["seq"] > expected:  # a hole: have it filled
        ask = {"from": expected, "to": epoch["seq"]}
        client.publish("sleepgate/bridge/request/replay", json.dumps(ask), 1)
    expected = max(expected, epoch["seq"] + 1)
    if (epoch["session"], epoch["epoch"]) not in seen:
        seen.add((epoch["session"], epoch["epoch"]))
        print(epoch["session"], epoch["epoch"], epoch["stage"], flush=True)


# a session of its own at the broker: what comes while this is away is kept
consumer = Client(CallbackAPIVersion.VERSION2, "my-lab", clean_session=False)
consumer.on_message = on_message
consumer.on_connect = lambda client, *_: client.subscribe("sleepgate/+/epoch", 1)
consumer.connect(*(sys.argv[1:2] or ["localhost"]), *map(int, sys.argv[2:3]))
consumer.loop_forever()
