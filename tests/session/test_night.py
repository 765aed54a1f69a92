"""A band of four electrodes through the night: an ear comes off, the rate is rough."""

from datetime import UTC, datetime

import numpy as np
import pytest

from gateway.acquisition.montage import Channel, HeadbandInfo, Modality, Montage, Stream
from gateway.acquisition.packets import ClockTick, SamplePacket
from gateway.preprocessing.filtering import Band
from gateway.preprocessing.signal_quality import Flaw
from gateway.session.night import Night
from gateway.staging.model_card import ModelCard
from gateway.staging.scored_epoch import ScoredEpoch
from gateway.staging.stage import Refusal, Stage

TRUE_HZ, MINUTE_S = 256.26, 60
RAIL = 16383
SITES = ("TP9", "AF7", "AF8", "TP10")
CHANNELS = tuple(
    Channel(s, Modality.EEG, 0.0885, 8192, digital_min=0, digital_max=RAIL)
    for s in SITES
)
MONTAGE = Montage((Stream(256.0, CHANNELS, rough_rate=True),))
EARS = "(AF7+AF8)/2-(TP9+TP10)/2"
RIGHT_EAR = "(AF7+AF8)/2-TP10"
DERIVATIONS = {
    "EEG Fpz-Cz": (EARS, "(AF7+AF8)/2-TP9", RIGHT_EAR),
    "EOG horizontal": ("AF7-AF8",),
}
MIDNIGHT = datetime(2026, 1, 1, tzinfo=UTC)


class AmplitudeScorer:
    """Any change of any sample changes what it says."""

    card = ModelCard(
        name="amplitude",
        channels=("EEG Fpz-Cz", "EOG horizontal"),
        scale_uv=(20.0, 30.0),
        band=Band(),
        temperature=1.0,
        digest="0" * 64,
    )

    def hypnodensity(self, epoch):
        parts = np.abs(epoch.uv.astype(np.float64)).reshape(2, 5, -1).sum(axis=(0, 2))
        return tuple(float(part) for part in parts / parts.sum())


def counts_of(minutes):
    dice = np.random.default_rng(0)
    n_samples = int(minutes * MINUTE_S * TRUE_HZ)
    return dice.normal(8192, 400, (4, n_samples)).astype(np.int32)


def scored(counts, channels=None):
    night = Night(AmplitudeScorer(), channels or {}, 50, DERIVATIONS)
    night.tick(ClockTick(0.0, MIDNIGHT, synchronised=True))
    night.begin(HeadbandInfo(MONTAGE))
    said = []
    for first in range(0, counts.shape[1] - 128, 128):
        t_rx = (first + 128) / TRUE_HZ
        packet = SamplePacket(0, first, counts[:, first : first + 128], t_rx)
        said += [v for v in night.push_packet(packet) if isinstance(v, ScoredEpoch)]
    return said


INTACT = counts_of(25)


@pytest.fixture(scope="module")
def intact():
    return scored(INTACT)


def railed(*sites):
    """Rail electrodes from minute 10 to 20."""
    counts = INTACT.copy()
    begin, end = (round(minute * MINUTE_S * TRUE_HZ) for minute in (10, 20))
    for site in sites:
        counts[SITES.index(site), begin:end] = RAIL
    return counts


def test_an_ear_that_comes_off_for_ten_minutes_changes_those_ten_minutes_alone(intact):
    after = scored(railed("TP9"))
    assert [e.index for e in after] == list(range(49))
    # the grid is cut to the sample, so an epoch at either end may hold a little of it
    for was, now in zip(intact, after, strict=True):
        assert isinstance(now.stage, Stage)
        if 20 <= now.index < 40:
            assert now.quality[0].derivation == RIGHT_EAR
        elif now.index not in {19, 40}:
            assert now.quality == was.quality
            assert now.hypnodensity == was.hypnodensity
            assert now.quality[0].derivation == EARS


@pytest.mark.parametrize(
    ("channels", "expected"),
    [({}, Refusal.LOW_QUALITY), ({"EEG Fpz-Cz": "(AF7+AF8)/2"}, Stage)],
)
def test_with_both_ears_off_nothing_is_scored_unless_the_configuration_says_how(
    channels, expected
):
    middle = scored(railed("TP9", "TP10"), channels)[30]
    if expected is Stage:
        assert isinstance(middle.stage, Stage)
        assert middle.quality[0].derivation == "(AF7+AF8)/2"
    else:
        assert middle.stage is expected
        assert middle.quality[0].flaws == {Flaw.RAILED}


def test_a_rough_rate_makes_epochs_of_thirty_true_seconds(intact):
    for epoch in intact[2:]:
        off_s = (epoch.start_utc - MIDNIGHT).total_seconds() - 30 * epoch.index
        assert abs(off_s) < 0.005
