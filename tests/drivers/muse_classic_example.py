"""A session of a Muse 2 or Muse S."""

import numpy as np

from gateway.acquisition.packets import Notification
from gateway.drivers import muse_classic
from gateway.drivers.muse_classic.wire import ElectrodePacket, encode_electrode
from tests.drivers.muse_replies import muse_example


def example():
    piece = ElectrodePacket(65535, np.arange(12, dtype=np.int32))
    data = [
        Notification(char, encode_electrode(piece), 1.0)
        for char in muse_classic.ELECTRODES.values()
    ]
    return muse_example({"ap": "headset", "fw": "1.2.13", "rc": 0}, data)
