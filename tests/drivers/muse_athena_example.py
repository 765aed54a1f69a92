"""A session of a Muse S Athena."""

import numpy as np

from gateway.acquisition.packets import Notification
from gateway.drivers import muse_athena
from gateway.drivers.muse_athena import frame as athena_frame
from gateway.drivers.muse_athena.frame import AthenaPacket, SensorBlock
from gateway.drivers.muse_athena.samples import encode_eeg
from tests.drivers.muse_replies import muse_example


def example():
    counts = np.arange(16, dtype=np.int32).reshape(4, 4)
    block = SensorBlock(0x11, 7, -170, encode_eeg(counts))
    payload = athena_frame.encode([AthenaPacket(3, 1733184000000, (block,))])
    data = [Notification(muse_athena.DATA, payload, 1.0)]
    return muse_example({"fw": "3.0.25", "rc": 0}, data)
