"""A session of an OpenBCI Ganglion."""

import numpy as np

from gateway.acquisition.packets import Notification
from gateway.drivers import Read, ganglion


def example():
    def answer(request):
        return b"3.0.0" if isinstance(request, Read) else b""

    counts = np.arange(8, dtype=np.int32).reshape(2, 4) << 6
    payload = ganglion.encode_absolute(1, counts)
    return answer, [Notification(ganglion.RECEIVE, payload, 1.0)]
