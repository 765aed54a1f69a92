"""A session of a DIY board."""

import numpy as np

from gateway.acquisition.montage import Channel, Modality, Montage, Stream
from gateway.acquisition.packets import Notification, SamplePacket
from gateway.drivers import Read, diy


def example():
    channels = tuple(Channel(label, Modality.EEG, 0.5) for label in ("AF7", "AF8"))
    montage = Montage((Stream(256.0, channels),))
    info = diy.DiyInfo(montage, 32768.0, boot_id=1, stream_ids=(0,))
    counts = np.arange(20, dtype=np.int32).reshape(2, 10)
    frame = diy.encode(info, SamplePacket(0, 0, counts, 0.0, 0))
    value = diy.encode_info(info, (10,))

    def answer(request):
        return value if isinstance(request, Read) else b""

    return answer, [Notification(diy.DATA, frame, 1.0)]
