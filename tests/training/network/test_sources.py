import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="needs the extra [training]")

from training.data.dataset import (
    APNOEA_TRAINING,
    APNOEA_VALIDATION,
)
from training.network.sources import augment_surrogates, five_seconds


def test_five_seconds_are_of_the_epoch_and_of_all_channels_at_once():
    ramp = np.arange(3000, dtype=np.float32)
    epochs = np.stack([ramp, ramp + 10_000])[None].repeat(40, 0)
    parts = five_seconds(epochs, np.random.default_rng(0))
    assert parts.shape == (40, 2, 500)
    np.testing.assert_array_equal(parts[:, 1], parts[:, 0] + 10_000)
    assert (np.diff(parts[:, 0], axis=-1) == 1).all()
    assert len(np.unique(parts[:, 0, 0])) > 20
    assert parts.max() <= epochs.max()


def test_surrogates_are_trained_on_by_five_seconds():
    uv = np.random.default_rng(0).normal(0, 15, (6, 3, 3000)).astype(np.float32)
    assert augment_surrogates(uv, np.random.default_rng(1)).shape == (6, 3, 500)


def test_patients_who_choose_are_not_trained_on():
    assert not set(APNOEA_TRAINING) & set(APNOEA_VALIDATION)
