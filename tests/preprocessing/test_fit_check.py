"""While a headband is put on, each second says how it sits."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.acquisition.montage import Channel, HeadbandInfo, Modality, Montage, Stream
from gateway.acquisition.packets import SamplePacket
from gateway.errors import ConfigError
from gateway.preprocessing.contact_monitor import ContactMonitor, FitCheck
from gateway.preprocessing.contact_state import ContactState

SITES = ("TP9", "AF7", "AF8", "TP10")
MUSE = Montage((Stream(256.0, tuple(Channel(s, Modality.EEG, 0.1) for s in SITES)),))
FRONT_TO_EARS = {
    "EEG Fpz-Cz": ("(AF7+AF8)/2-(TP9+TP10)/2", "(AF7+AF8)/2-TP9", "(AF7+AF8)/2-TP10"),
    "EOG horizontal": ("AF7-AF8",),
    "EEG Pz-Oz": ("Pz-Oz",),
}
LABELS = ("EEG Fpz-Cz", "EEG Pz-Oz", "EOG horizontal")


def fitting(configured=None, montage=MUSE):
    info = HeadbandInfo(montage)
    return FitCheck(
        info, ContactMonitor(info.montage, LABELS, configured or {}, FRONT_TO_EARS, 50)
    )


def counts(seconds, railed=()):
    """Ten microvolts of noise at each electrode; a square of mains at railed ones."""
    rng = np.random.default_rng(1)
    n = round(seconds * 256)
    rows = rng.normal(0, 100, (4, n))
    for site in railed:
        rows[SITES.index(site)] = 2**15 * np.sign(np.sin(np.arange(n) * 1.2272))
    return np.clip(rows, -(2**15), 2**15 - 1).astype(np.int32)


def played(fitting, counts, size=16, rate_hz=256.0, lost=()):
    """Return every `Fit` of packets of `size`, but for the numbers in `lost`."""
    fits = []
    for at in range(0, counts.shape[1], size):
        if at // size not in lost:
            piece = counts[:, at : at + size]
            t_rx = (at + piece.shape[1]) / rate_hz
            fits += fitting.push_packet(SamplePacket(0, at, piece, t_rx))
    return fits


def states(fit):
    return {each.label: each.contact.state for each in fit.electrodes}


def test_every_second_but_the_first_has_its_fit():
    fits = played(fitting(), counts(6))
    assert len(fits) == 5
    assert states(fits[-1]) == dict.fromkeys(SITES, ContactState.GOOD)
    assert fits[-1].lost_s == 0


def test_the_model_input_is_the_best_that_the_electrodes_allow():
    for railed, text in (
        ((), "(AF7+AF8)/2-(TP9+TP10)/2"),
        (("TP10",), "(AF7+AF8)/2-TP9"),
        (("TP9",), "(AF7+AF8)/2-TP10"),
        (("TP9", "TP10"), "(AF7+AF8)/2-(TP9+TP10)/2"),
    ):
        eeg = played(fitting(), counts(5, railed))[-1].inputs[0]
        assert eeg.derivation == text
        assert (eeg.contact.state is ContactState.OFF) == (len(railed) == 2)


def test_an_input_the_headband_cannot_give_is_absent():
    fit = played(fitting(), counts(5))[-1]
    assert [each.label for each in fit.inputs] == list(LABELS)
    assert (fit.inputs[1].derivation, fit.inputs[1].contact) == ("", None)
    assert fit.inputs[2].derivation == "AF7-AF8"


def test_the_configuration_has_the_last_word():
    fit = played(fitting({"EEG Fpz-Cz": "AF7-TP9"}), counts(5, ["TP9"]))[-1]
    assert fit.inputs[0].derivation == "AF7-TP9"
    assert fit.inputs[0].contact.state is ContactState.OFF
    with pytest.raises(ConfigError, match="C3"):
        fitting({"EEG Fpz-Cz": "C3-TP9"})


def test_a_channel_of_the_same_name_needs_no_derivation():
    channels = tuple(Channel(s, Modality.EEG, 0.1) for s in ("Fpz-Cz", "Pz-Oz"))
    info = HeadbandInfo(Montage((Stream(256.0, channels),)))
    fit = played(
        FitCheck(info, ContactMonitor(info.montage, LABELS, {}, {}, 50)), counts(5)[:2]
    )[-1]
    assert [each.derivation for each in fit.inputs] == ["Fpz-Cz", "Pz-Oz", ""]


@pytest.mark.parametrize("rate_hz", [255.9, 256.26, 200.0])
def test_the_rate_is_what_arrives_not_what_is_printed(rate_hz):
    fit = played(fitting(), counts(5), rate_hz=rate_hz)[-1]
    assert fit.rates[0].nominal_hz == 256
    assert fit.rates[0].measured_hz == pytest.approx(rate_hz, rel=1e-6)


def test_a_rate_is_not_reported_too_soon():
    assert played(fitting(), counts(2))[0].rates[0].measured_hz is None


@settings(max_examples=25)
@given(lost=st.sets(st.integers(1, 78), max_size=20))
def test_what_was_lost_is_counted_to_the_sample(lost):
    fit = played(fitting(), counts(5), lost=lost)[-1]
    assert fit.lost_s == pytest.approx(len(lost) * 16 / 256)


@settings(max_examples=25)
@given(size=st.integers(1, 300))
def test_the_cutting_into_packets_changes_nothing(size):
    whole = played(fitting(), counts(5, ["TP9"]), size=256)
    pieces = played(fitting(), counts(5, ["TP9"]), size=size)
    assert [states(fit) for fit in pieces] == [states(fit) for fit in whole]
    assert [f.inputs for f in pieces] == [f.inputs for f in whole]


def test_a_hand_that_mends_an_electrode_is_seen_within_the_window():
    signal = np.concatenate([counts(6, ["TP9"]), counts(8)], axis=1)
    seen = [states(fit)["TP9"] for fit in played(fitting(), signal)]
    assert seen[:5] == [ContactState.OFF] * 5
    assert seen[8:] == [ContactState.GOOD] * 5


def test_an_envelope_tells_nothing_of_its_electrode():
    eeg, emg = Channel("Fpz-Cz", Modality.EEG, 0.1), Channel("EMG", Modality.EMG, 0.1)
    info = HeadbandInfo(Montage((Stream(256.0, (eeg,)), Stream(1.0, (emg,)))))
    labels, fits = ("EEG Fpz-Cz", "EMG submental"), []
    both = FitCheck(info, ContactMonitor(info.montage, labels, {}, {}, 50))
    for second, chunk in enumerate(np.split(counts(6)[:1], 6, axis=1)):
        fits += both.push_packet(SamplePacket(0, second * 256, chunk, second + 1.0))
        fits += both.push_packet(SamplePacket(1, second, chunk[:, :1], second + 1.0))
    fit = fits[-1]
    assert fit.electrodes[0].contact.state is ContactState.GOOD
    assert fit.electrodes[1].contact is None
    assert (fit.inputs[1].derivation, fit.inputs[1].contact) == ("EMG", None)
