import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.acquisition.montage import Channel, Modality, Montage, Stream
from gateway.errors import ConfigError
from gateway.preprocessing.derivation import parse_derivation, resolve

MUSE = frozenset({"TP9", "AF7", "AF8", "TP10"})


def weights(text, channels=MUSE):
    return dict(parse_derivation("EEG", text, channels).weights)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("AF7", {"AF7": 1}),
        ("-AF7", {"AF7": -1}),
        (" AF7 - TP9 ", {"AF7": 1, "TP9": -1}),
        ("AF7-(TP9+TP10)/2", {"AF7": 1, "TP9": -0.5, "TP10": -0.5}),
        (
            "(AF7+AF8)/2-(TP9+TP10)/2",
            {"AF7": 0.5, "AF8": 0.5, "TP9": -0.5, "TP10": -0.5},
        ),
        ("-(TP9+TP10) / 2", {"TP9": -0.5, "TP10": -0.5}),
        ("-(AF7-AF8)", {"AF7": -1, "AF8": 1}),
        ("AF7/4+AF7/4", {"AF7": 0.5}),
    ],
)
def test_sums_are_read(text, expected):
    assert weights(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "()", "AF7-", "AF7--TP9", "AF7 TP9 +", "(AF7", "AF7)", "2*AF7"),
        *("AF7/0", "AF7/2/2", "((AF7+AF8)/2)", "'AF7", "''", "AF7-()", "7AF"),
    ],
)
def test_what_is_no_sum_is_refused(text):
    with pytest.raises(ConfigError, match="cannot read"):
        weights(text)


def test_a_sum_that_cancels_out_is_refused():
    with pytest.raises(ConfigError, match="comes to nothing"):
        weights("AF7-AF7")


def test_all_channels_that_are_not_there_are_listed():
    with pytest.raises(
        ConfigError, match=r"no channel 'Cz', 'Fpz' in 'Fpz-Cz'; .* TP9"
    ):
        weights("Fpz-Cz")


LABELS = frozenset({"EEG Fpz-Cz", "Fpz-Cz", "EOG horizontal", "EMG", "C3:M2", "A 1"})


@pytest.mark.parametrize("label", sorted(LABELS))
def test_a_label_with_hyphens_is_the_channel_itself(label):
    assert weights(label, LABELS) == {label: 1}


def test_a_label_with_hyphens_may_be_quoted_in_a_sum():
    assert weights("'Fpz-Cz'-EMG/2", LABELS) == {"Fpz-Cz": 1, "EMG": -0.5}


SITE = st.from_regex(r"[A-Za-z][A-Za-z0-9]{0,7}", fullmatch=True)
HYPHENATED = st.tuples(SITE, SITE).map("-".join)
TERMS = st.lists(
    st.tuples(
        st.sampled_from("+-"),
        st.lists(st.tuples(st.sampled_from("+-"), SITE | HYPHENATED), min_size=1),
        st.integers(1, 999),
    ),
    min_size=1,
    max_size=4,
)


def spelt(site):
    return f"'{site}'" if "-" in site else site


@given(TERMS, st.sampled_from(["", " "]))
def test_what_was_written_is_read(terms, space):
    text, expected = "", {}
    for sign, group, divisor in terms:
        inner = space.join(f"{s}{space}{spelt(site)}" for s, site in group)
        text += f"{sign}{space}({inner}){space}/{space}{divisor}{space}"
        for inner_sign, site in group:
            weight = (1 if sign == inner_sign else -1) / divisor
            expected[site] = expected.get(site, 0) + weight
    channels = frozenset(expected)
    if all(abs(weight) < 1e-6 for weight in expected.values()):
        with pytest.raises(ConfigError):
            weights(text, channels)
    else:
        assert weights(text, channels) == pytest.approx(expected)


@given(st.text(max_size=30) | st.text("AF78+-()/' 2", max_size=20))
def test_any_text_is_read_or_refused(text):
    try:
        read = weights(text)
    except ConfigError:
        return
    assert read
    assert set(read) <= MUSE


def channel(label, modality=Modality.EEG):
    return Channel(label, modality, 0.1)


FAST = Stream(100.0, (channel("Fpz-Cz"), channel("EOG", Modality.EOG)))
SLOW = Stream(1.0, (channel("chin", Modality.EMG),))
SLEEP_EDF = Montage((FAST, SLOW))
MODEL = ("EEG Fpz-Cz", "EEG Pz-Oz", "EOG horizontal", "EMG submental")


def streams(montager):
    """Return the stream of each input's best derivation; None where it has none."""
    return [placed[0].stream if placed else None for placed in montager.alternatives]


def texts(montager, at=0):
    return [placed.text for placed in montager.alternatives[at]]


def test_the_models_inputs_are_found_by_their_own_names():
    montager = resolve(MODEL, {}, SLEEP_EDF)
    assert montager.labels == MODEL
    assert streams(montager) == [0, None, 0, 1]
    (first,), (), (third,), (fourth,) = montager.alternatives
    assert first.weights.tolist() == [1, 0]
    assert third.weights.tolist() == [0, 1]
    assert fourth.weights.tolist() == [1]
    assert [first.text, third.text, fourth.text] == ["Fpz-Cz", "EOG", "chin"]


@pytest.mark.parametrize(
    ("label", "word"), [("EOG horizontal", "EOG"), ("EMG submental", "EMG")]
)
def test_the_only_channel_of_its_modality_is_meant(label, word):
    one = Stream(100.0, (channel("X1", Modality(word)), channel("C3")))
    assert streams(resolve((label,), {}, Montage((one,)))) == [0]
    two = Stream(100.0, (*one.channels, channel("X2", Modality(word))))
    assert streams(resolve((label,), {}, Montage((two,)))) == [None]
    both = resolve((label, f"{word} other"), {}, Montage((one,)))
    assert streams(both) == [None, None]


def test_an_eeg_is_never_taken_for_another():
    one = Montage((Stream(100.0, (channel("C3"),)),))
    assert streams(resolve(("EEG Fpz-Cz",), {}, one)) == [None]


def test_a_channel_without_a_name_is_no_match():
    one = Montage((Stream(100.0, (channel(""),)),))
    assert streams(resolve(("Fpz",), {}, one)) == [None]


def test_the_configuration_comes_before_the_names():
    montager = resolve(MODEL[:1], {"EEG Fpz-Cz": "EOG"}, SLEEP_EDF)
    assert montager.alternatives[0][0].weights.tolist() == [0, 1]


def test_all_problems_of_all_derivations_are_listed():
    wanted = {
        MODEL[0]: "AF7-TP9",
        MODEL[1]: "EOG-chin",
        MODEL[2]: "EOG+",
        MODEL[3]: "E",
    }
    with pytest.raises(ConfigError) as refused:
        resolve(MODEL, wanted, SLEEP_EDF)
    first, second, third, fourth = refused.value.problems
    assert first.startswith("channels.EEG Fpz-Cz: no channel 'AF7', 'TP9'")
    assert "mixes channels of different sampling rates" in second
    assert "cannot read" in third
    assert "no channel 'E'" in fourth


def test_an_input_that_the_model_does_not_have_is_a_problem():
    with pytest.raises(ConfigError, match=r"channels.EEG Fpz: no input .* EEG Fpz-Cz"):
        resolve(MODEL, {"EEG Fpz": "Fpz-Cz"}, SLEEP_EDF)


def test_weights_give_the_difference():
    montager = resolve(("x",), {"x": "'Fpz-Cz'-EOG/2"}, SLEEP_EDF)
    row = montager.alternatives[0][0].weights
    assert row.dtype == np.float32
    np.testing.assert_allclose(row @ np.array([[10.0], [4.0]]), [8.0])


BAND = Montage((Stream(256.0, tuple(map(channel, ("TP9", "AF7", "AF8", "TP10")))),))
OFFERED = {"EEG Fpz-Cz": ("(AF7+AF8)/2-(TP9+TP10)/2", "AF7-TP9", "AF8-TP10", "Fpz")}


def test_a_driver_offers_alternatives_the_best_first():
    montager = resolve(MODEL, {}, BAND, OFFERED)
    assert texts(montager) == list(OFFERED["EEG Fpz-Cz"][:3])
    assert montager.alternatives[0][0].weights.tolist() == [-0.5, 0.5, 0.5, -0.5]
    assert montager.alternatives[0][1].weights.tolist() == [-1, 1, 0, 0]
    assert streams(montager) == [0, None, None, None]


def test_what_a_driver_offers_of_channels_that_are_not_there_falls_away():
    left = Montage((Stream(256.0, (channel("TP9"), channel("AF7"))),))
    assert texts(resolve(MODEL, {}, left, OFFERED)) == ["AF7-TP9"]
    assert texts(resolve(MODEL, {}, SLEEP_EDF, OFFERED)) == ["Fpz-Cz"]
    assert texts(resolve(("x",), {}, SLEEP_EDF, {"x": ("Fpz-Cz",)})) == ["Fpz-Cz"]


def test_the_configuration_replaces_all_that_a_driver_offers():
    montager = resolve(MODEL, {"EEG Fpz-Cz": "AF7-AF8"}, BAND, OFFERED)
    assert texts(montager) == ["AF7-AF8"]
    with pytest.raises(ConfigError, match="no channel 'Fpz'"):
        resolve(MODEL, {"EEG Fpz-Cz": "Fpz"}, BAND, OFFERED)


def test_a_driver_that_cannot_be_read_is_refused():
    with pytest.raises(ConfigError, match="cannot read"):
        resolve(MODEL, {}, BAND, {"EEG Fpz-Cz": ("AF7-TP9", "AF7-")})
