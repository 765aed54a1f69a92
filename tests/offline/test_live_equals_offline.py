"""A night's recording, scored again: the same hypnodensities, bit for bit."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from gateway.acquisition.montage import Channel, HeadbandInfo, Modality, Montage, Stream
from gateway.acquisition.packets import ClockTick, SamplePacket
from gateway.messages.outputs import Reading, RecordingState, SessionState
from gateway.models.load import read_model
from gateway.offline.score_recording import night_for, score
from gateway.recorder.folder import recordings
from gateway.recorder.recorder import DiskLimits, Recorder
from gateway.recorder.session_file import FileWriter
from gateway.recordings.open_recording import open_night
from gateway.session.night import Night
from gateway.staging.scored_epoch import ScoredEpoch
from gateway.staging.stage import Refusal

BEGAN = datetime(2026, 2, 13, 22, 59, 58, 250_000, tzinfo=UTC)
MINUTES = 9
DERIVATIONS = {"EEG Fpz-Cz": ("AF7", "AF8")}


def eeg(label, bits):
    edge = 2 ** (bits - 1)
    return Channel(
        label, Modality.EEG, 0.0473921 * 2.0 ** (16 - bits), 3, -edge, edge - 1
    )


def montage(sfreq, bits, *, rough):
    channels = (eeg("AF7", bits), eeg("AF8", bits))
    return Montage((Stream(sfreq, channels, rough_rate=rough),))


def packets(of, true_hz, lost):
    """Yield a packet of 12 samples after the other; `lost` says which seconds are not.

    They arrive when a crystal of `true_hz` and a radio with a little jitter bring them.
    """
    dice = np.random.default_rng(3)
    stream = of.streams[0]
    scale = 2 ** (stream.channels[0].digital_max.bit_length() - 15)
    wander = np.zeros(2)
    for first in range(0, int(MINUTES * 60 * true_hz), 12):
        steps = dice.normal(0, 300 * scale, (2, 12))
        samples = np.empty((2, 12))
        for i in range(12):
            wander = 0.93 * wander + steps[:, i]
            samples[:, i] = wander
        t = (first + 12) / true_hz
        if not any(low <= t < high for low, high in lost):
            counts = samples.clip(-30000 * scale, 30000 * scale).astype(np.int32)
            yield SamplePacket(0, first, counts, 100.0 + t + abs(dice.normal(0, 0.004)))


def live(of, true_hz, lost, folder):
    """Score and record a night as the daemon does; return its epochs and its file."""
    scorer = read_model("default")
    night = Night(scorer, {}, 50.0, DERIVATIONS)
    recorder = Recorder(
        folder, DiskLimits(0, None), FileWriter("test", None, lambda: 0.0)
    )
    recorder.begin()
    epochs = []

    def tell(value):
        if isinstance(value, ScoredEpoch):
            epochs.append(value)
        card = scorer.card
        recorder.take(
            Reading(
                "bed",
                "01J8ZQ6T5R0000000000000000",
                card.name,
                card.short_digest,
                card.channels,
                value,
            )
        )

    night.tick(ClockTick(100.0, BEGAN, synchronised=True))
    night.begin(HeadbandInfo(of, boot_id=7))
    for packet in packets(of, true_hz, lost):
        now = packet.t_rx
        night.tick(
            ClockTick(now, BEGAN + timedelta(seconds=now - 100.0), synchronised=True)
        )
        for value in night.push_packet(packet):
            tell(value)
    for value in night.lapse(100.0 + MINUTES * 60):
        tell(value)
    for value in night.close():
        tell(value)
    tell(SessionState(RecordingState.ENDED, BEGAN, BEGAN, len(epochs)))
    recorder.close()
    (path,) = recordings(folder)
    return epochs, path


@pytest.mark.parametrize(
    ("sfreq", "true_hz", "bits", "rough"),
    [
        (250.0, 250.0, 16, False),
        (200.0, 200.01, 24, False),
        (256.0, 256.27, 12, True),
        (256.0, 255.6, 16, True),
    ],
)
def test_the_recording_scored_again_gives_the_live_hypnodensities(
    tmp_path, sfreq, true_hz, bits, rough
):
    lost = [(70.0, 71.5), (200.0, 212.0), (301.0, 395.0)]
    of = montage(sfreq, bits, rough=rough)
    epochs, path = live(of, true_hz, lost, tmp_path)
    assert path.suffix == (".bdf" if bits > 16 else ".edf")
    recording = open_night(path)
    assert recording.montage == of
    night = night_for(recording, read_model("default"))
    again = [v for v in score(recording, night) if isinstance(v, ScoredEpoch)]
    assert len(epochs) >= 2 * MINUTES - 1
    said = [(e.index, e.stage, e.hypnodensity, e.quality) for e in epochs]
    assert [(e.index, e.stage, e.hypnodensity, e.quality) for e in again] == said
    assert Refusal.GAP in {epoch.stage for epoch in epochs}
    assert len({epoch.hypnodensity for epoch in epochs}) > MINUTES
    late_s = [
        (b.start_utc - a.start_utc).total_seconds()
        for a, b in zip(epochs, again, strict=True)
    ]
    assert max(map(abs, late_s)) < 1
