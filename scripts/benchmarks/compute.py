"""What the CPU does: inference, notifications, whole nights. One process."""

import time
from collections.abc import Iterator
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rows import Row, median, p99, timings_us

from gateway.acquisition.packets import ClockTick, LinkUp, Notification
from gateway.drivers import diy
from gateway.models.load import read_model
from gateway.offline.score_recording import NO_DATE, score
from gateway.preprocessing.epoching import Epoch
from gateway.recordings.recording import Recording
from gateway.session.pipeline import Night, Pipeline
from gateway.staging.runtimes import RUNTIMES
from gateway.staging.scorers.litert import LiteRtScorer
from sim.devices.diy import DiyDevice

# python -m training float --data DATA --work WORK --out FILE: same weights, not int8
FLOAT_MODEL = Path(__file__).with_name("ulw-sleepnet-3ch-float32.tflite")


START = b"\x01\x03\x00\x00\x00"  # both streams of the night


class SilentScorer:
    """Says the same of every epoch, in no time."""

    def __init__(self, scorer: LiteRtScorer) -> None:
        self.card = scorer.card

    def hypnodensity(self, epoch: Epoch) -> tuple[float, ...]:
        """Return a constant."""
        del epoch
        return (0.2, 0.2, 0.2, 0.2, 0.2)

    def in_context(self, codes: NDArray[np.int8]) -> tuple[float, ...]:
        """Return the same."""
        del codes
        return (0.2, 0.2, 0.2, 0.2, 0.2)


def inference(n: int) -> Iterator[Row]:
    """Time one epoch through the int8 model, its bare loop, and the float model."""
    scorer = read_model("default")
    shape = (len(scorer.card.channels), 3000)
    rng = np.random.default_rng(0)
    uv = rng.normal(0, 20, shape).astype(np.float32)
    epoch = Epoch(0, uv, (), 0.0)
    codes = rng.integers(-128, 128, shape).astype(np.int8)
    whole = timings_us(lambda: scorer.hypnodensity(epoch), n)
    bare = timings_us(lambda: scorer.logits(codes), n)
    name = f"int8 epoch, {scorer.runtime}"
    yield Row(f"{name}: median", median(whole), "us", median(bare), "bare loop")
    yield Row(f"{name}: p99", p99(whole), "us", p99(bare), "bare loop")
    for float_median, runtime in _float_model(uv, n):
        yield Row(
            f"int8 bare loop, {scorer.runtime}",
            median(bare),
            "us",
            float_median,
            f"float32, {runtime}",
        )


def _invoke(interpreter: Any, at: int, uv: NDArray[np.float32]) -> None:  # noqa: ANN401 (of either runtime)
    interpreter.set_tensor(at, uv[None, :, :, None])
    interpreter.invoke()


def _float_model(uv: NDArray[np.float32], n: int) -> Iterator[tuple[float, str]]:
    for distribution, name in RUNTIMES:
        try:
            module = import_module(name)
        except ImportError:
            continue
        interpreter = module.Interpreter(model_path=str(FLOAT_MODEL), num_threads=1)
        interpreter.allocate_tensors()
        at = interpreter.get_input_details()[0]["index"]

        yield median(timings_us(partial(_invoke, interpreter, at, uv), n)), distribution
        return


def notifications(recording: Recording) -> Iterator[Row]:
    """Time decode, placing and preprocessing, per notification."""
    device = DiyDevice(recording.montage, recording.counts, boot_id=1)
    for mtu in (247, 517):
        device.write(diy.CONTROL, START, mtu, 0.0)
        sent = [
            Notification(frame.char, frame.payload, frame.due_s)
            for frame in device.frames(0.0, mtu)
        ]
        night = Night(SilentScorer(read_model("default")), {}, 50)
        chain = Pipeline(diy.DRIVER, night)
        list(chain.push_input(ClockTick(0.0, NO_DATE, synchronised=False)))
        list(chain.push_input(LinkUp(0.0, device.info)))
        start = time.perf_counter()
        for notification in sent:
            for _ in chain.push_input(notification):
                pass
        each_us = (time.perf_counter() - start) / len(sent) * 1e6
        yield Row(
            f"decode + place + preprocess, per notification (MTU {mtu})",
            each_us,
            "us",
            _fir_us(len(sent), recording),
            "numpy FIR alone, 101 taps",
        )


def _fir_us(n_notifications: int, recording: Recording) -> float:
    """Time a plain FIR over the same samples, cut into as many pieces."""
    counts = recording.counts[0].astype(np.float32)
    taps = np.hanning(101).astype(np.float32)
    pieces = np.array_split(counts, n_notifications, axis=1)
    start = time.perf_counter()
    for piece in pieces:
        for row in piece:
            np.convolve(row, taps)
    return (time.perf_counter() - start) / n_notifications * 1e6


def offline(recording: Recording) -> Iterator[Row]:
    """Time a whole recording through the off-line scorer."""
    scorer = read_model("default")
    night = Night(scorer, {}, 50)
    start = time.perf_counter()
    for _ in score(recording, night):
        pass
    took_s = time.perf_counter() - start
    n_epochs = recording.duration_s // 30
    codes = np.zeros((len(scorer.card.channels), 3000), np.int8)
    floor_us = median(timings_us(lambda: scorer.logits(codes), 200))
    per_epoch_us = took_s / n_epochs * 1e6
    yield Row(
        "off-line scoring, per epoch", per_epoch_us, "us", floor_us, "inference alone"
    )
    yield Row("off-line scoring", 1e6 / per_epoch_us / 960, "nights/s")
