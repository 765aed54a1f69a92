"""A session of an NPG Lite."""

import numpy as np

from gateway.acquisition.packets import Notification
from gateway.drivers import Listen, npg_lite


def example():
    payload = npg_lite.encode(np.arange(30, dtype=np.int32).reshape(3, 10), 0)

    def answer(request):
        return payload if isinstance(request, Listen) else b""

    return answer, [Notification(npg_lite.DATA, payload, 1.0)]
