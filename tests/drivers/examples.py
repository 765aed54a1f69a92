"""One session of each driver: who answers its handshake, and what then arrives."""

import re

import numpy as np

from gateway.acquisition.montage import Channel, Modality, Montage, Stream
from gateway.acquisition.packets import Notification, SamplePacket
from gateway.drivers import (
    Listen,
    Read,
    Write,
    diy,
    ganglion,
    muse_athena,
    muse_classic,
    npg_lite,
)
from gateway.drivers.muse_athena import frame as athena_frame
from gateway.drivers.muse_athena.frame import AthenaPacket, SensorBlock
from gateway.drivers.muse_athena.samples import encode_eeg
from gateway.drivers.muse_classic import control
from gateway.drivers.muse_classic.wire import ElectrodePacket, encode_electrode

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def diy_example():
    channels = tuple(Channel(label, Modality.EEG, 0.5) for label in ("AF7", "AF8"))
    montage = Montage((Stream(256.0, channels),))
    info = diy.DiyInfo(montage, 32768.0, boot_id=1, stream_ids=(0,))
    counts = np.arange(20, dtype=np.int32).reshape(2, 10)
    frame = diy.encode(info, SamplePacket(0, 0, counts, 0.0, 0))
    value = diy.encode_info(info, (10,))

    def answer(request):
        return value if isinstance(request, Read) else b""

    return answer, [Notification(diy.DATA, frame, 1.0)]


def muse_example(said, data):
    """Answer every command with `said` and every electrode's turn with its data."""
    replies = []

    def answer(request):
        if isinstance(request, Write):
            replies[:] = control.encode_reply(said)
            return b""
        if request.char == control.CONTROL:
            return replies.pop(0) if replies else b""
        return next(n.payload for n in data if n.char == request.char)

    return answer, data


def classic_example():
    piece = ElectrodePacket(65535, np.arange(12, dtype=np.int32))
    data = [
        Notification(char, encode_electrode(piece), 1.0)
        for char in muse_classic.ELECTRODES.values()
    ]
    return muse_example({"ap": "headset", "fw": "1.2.13", "rc": 0}, data)


def athena_example():
    counts = np.arange(16, dtype=np.int32).reshape(4, 4)
    block = SensorBlock(0x11, 7, -170, encode_eeg(counts))
    payload = athena_frame.encode([AthenaPacket(3, 1733184000000, (block,))])
    data = [Notification(muse_athena.DATA, payload, 1.0)]
    return muse_example({"fw": "3.0.25", "rc": 0}, data)


def ganglion_example():
    def answer(request):
        return b"3.0.0" if isinstance(request, Read) else b""

    counts = np.arange(8, dtype=np.int32).reshape(2, 4) << 6
    payload = ganglion.encode_absolute(1, counts)
    return answer, [Notification(ganglion.RECEIVE, payload, 1.0)]


def npg_lite_example():
    payload = npg_lite.encode(np.arange(30, dtype=np.int32).reshape(3, 10), 0)

    def answer(request):
        return payload if isinstance(request, Listen) else b""

    return answer, [Notification(npg_lite.DATA, payload, 1.0)]


# of each driver: what answers its handshake, and notifications that make samples
EXAMPLES = {
    "diy": diy_example,
    "ganglion": ganglion_example,
    "muse_athena": athena_example,
    "muse_classic": classic_example,
    "npg_lite": npg_lite_example,
}
LONGEST = 1000  # requests of a handshake


def shake(driver, answer):
    handshake = driver.handshake()
    request = next(handshake)
    for _ in range(LONGEST):
        assert isinstance(request, Read | Write | Listen)
        assert UUID.fullmatch(request.char)
        try:
            request = handshake.send(answer(request))
        except StopIteration as done:
            return done.value
    raise AssertionError(f"{driver.name} never stops asking")
