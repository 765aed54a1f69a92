"""A session of the board of docs/examples/plugin."""

import numpy as np

from gateway.acquisition.packets import Notification
from gateway.drivers import Read
from tests.support.example_plugin import two_channel


def example():
    def answer(request):
        return two_channel.FIRMWARE if isinstance(request, Read) else b""

    counts = np.arange(20, dtype=np.int32).reshape(2, 10)
    payload = two_channel.encode(7, counts)
    return answer, [Notification(two_channel.DATA, payload, 1.0)]
