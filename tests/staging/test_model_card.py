import io
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import ModelError
from gateway.preprocessing.filtering import Band
from gateway.staging.context import ContextHead
from gateway.staging.golden_vectors import GoldenVectors
from gateway.staging.model_archive import LARGEST_ENTRY
from gateway.staging.model_card import (
    ModelCard,
    pack,
    read_context,
    read_golden,
    unpack,
)

FLATBUFFER = b"\x1c\0\0\0TFL3" + bytes(range(256))
CARD = ModelCard(
    name="toy-1",
    channels=("EEG Fpz-Cz", "EOG horizontal"),
    scale_uv=(12.0, 20.0),
    band=Band(),
    temperature=1.25,
    digest="",
    about={"licence": "MIT", "n_subjects": 3},
)
GOLDEN = GoldenVectors(
    np.arange(-60, 60, dtype=np.int8).reshape(2, 3, 20),
    np.arange(10, dtype=np.int8).reshape(2, 5),
)
PACKAGE = pack(FLATBUFFER, CARD, GOLDEN)
HEAD = b"\x1c\0\0\0TFL3 another"


def rewritten(name, content, package=PACKAGE):
    """Return the package with one entry of its zip replaced."""
    tail = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(package)) as old,
        zipfile.ZipFile(tail, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for entry in old.namelist():
            new.writestr(entry, content if entry == name else old.read(entry))
    return FLATBUFFER + tail.getvalue()


def with_text(old, new):
    with zipfile.ZipFile(io.BytesIO(PACKAGE)) as archive:
        text = archive.read("card.json").decode()
    assert old in text
    return rewritten("card.json", text.replace(old, new))


names = st.text(min_size=1, max_size=20)
positive = st.floats(1e-3, 1e6)


@st.composite
def cards(draw):
    channels = draw(st.lists(names, min_size=1, max_size=4, unique=True))
    return ModelCard(
        name=draw(names),
        channels=tuple(channels),
        scale_uv=tuple(draw(positive) for _ in channels),
        band=Band(notch_hz=draw(st.sampled_from([None, 50.0, 60.0]))),
        temperature=draw(positive),
        digest="",
        about={"note": draw(st.text())},
    )


@given(cards(), st.binary(max_size=200))
def test_what_is_packed_comes_out_again(card, payload):
    flatbuffer = b"\0\0\0\0TFL3" + payload
    found, read = unpack(pack(flatbuffer, card), "toy.tflite")
    assert found == flatbuffer
    assert replace(read, digest="") == card


def test_a_context_head_travels_in_the_package_and_counts_in_its_digest():
    card = replace(CARD, context=ContextHead(n_epochs=30, temperature=1.5))
    package = pack(FLATBUFFER, card, GOLDEN, HEAD)
    flatbuffer, read = unpack(package, "toy.tflite")
    assert (flatbuffer, read.context) == (FLATBUFFER, card.context)
    assert read_context(package, "toy.tflite") == HEAD
    other = unpack(pack(FLATBUFFER, card, GOLDEN, HEAD + b"!"), "toy.tflite")[1]
    assert read.digest != other.digest != unpack(PACKAGE, "toy.tflite")[1].digest


@pytest.mark.parametrize("head", [b"", HEAD[:-1], HEAD + b"!"])
def test_a_head_that_is_not_the_one_packed_is_damage(head):
    card = replace(CARD, context=ContextHead(n_epochs=30, temperature=1.5))
    package = pack(FLATBUFFER, card, GOLDEN, HEAD)
    with pytest.raises(ModelError, match=r"toy\.tflite: damaged"):
        unpack(rewritten("context.tflite", head, package), "toy.tflite")


def test_a_card_that_tells_of_a_head_that_is_missing_is_refused_by_name():
    card = replace(CARD, context=ContextHead(n_epochs=30, temperature=1.5))
    with pytest.raises(ModelError, match=r"toy\.tflite: no readable context head"):
        read_context(pack(FLATBUFFER, card), "toy.tflite")


@pytest.mark.parametrize(
    ("head", "complaint"),
    [
        (ContextHead(0, 1.0), "both must be positive"),
        (ContextHead(30, -1.0), "both must be positive"),
    ],
)
def test_a_head_that_makes_no_sense_is_refused(head, complaint):
    with pytest.raises(ModelError, match=complaint):
        unpack(pack(FLATBUFFER, replace(CARD, context=head)), "toy.tflite")


def test_the_same_model_packs_into_the_same_bytes():
    assert pack(FLATBUFFER, CARD, GOLDEN) == PACKAGE


def test_golden_vectors_come_out_as_they_went_in():
    golden = read_golden(PACKAGE, "toy.tflite")
    np.testing.assert_array_equal(golden.inputs, GOLDEN.inputs)
    np.testing.assert_array_equal(golden.logits, GOLDEN.logits)


def test_a_model_without_golden_vectors_is_a_model_all_the_same():
    package = pack(FLATBUFFER, CARD)
    assert unpack(package, "toy.tflite")[1].name == "toy-1"
    with pytest.raises(ModelError, match=r"toy\.tflite: no readable golden"):
        read_golden(package, "toy.tflite")


@given(st.integers(0, len(PACKAGE) - 1))
def test_no_part_of_a_package_passes_for_the_whole(length):
    with pytest.raises(ModelError, match=r"toy\.tflite"):
        unpack(PACKAGE[:length], "toy.tflite")


@given(st.integers(0, len(PACKAGE) - 1), st.integers(1, 255))
def test_a_flipped_byte_is_found_or_harmless(at, flip):
    damaged = bytearray(PACKAGE)
    damaged[at] ^= flip
    try:
        flatbuffer, card = unpack(bytes(damaged), "toy.tflite")
    except ModelError as error:
        assert "toy.tflite" in str(error)
    else:
        assert flatbuffer == FLATBUFFER
        assert replace(card, digest="") == CARD


@given(st.integers(0, len(FLATBUFFER) - 1), st.integers(1, 255))
def test_no_damaged_flatbuffer_ever_passes(at, flip):
    damaged = bytearray(PACKAGE)
    damaged[at] ^= flip
    with pytest.raises(ModelError):
        unpack(bytes(damaged), "toy.tflite")


def test_damage_to_the_flatbuffer_is_called_damage():
    damaged = bytearray(PACKAGE)
    damaged[40] ^= 1
    with pytest.raises(ModelError, match=r"toy\.tflite: damaged: its SHA-256"):
        unpack(bytes(damaged), "toy.tflite")


def test_a_bare_flatbuffer_has_no_card():
    with pytest.raises(ModelError, match="no readable card"):
        unpack(FLATBUFFER, "toy.tflite")


def test_another_kind_of_file_is_no_model():
    with pytest.raises(ModelError, match="not a TFLite model"):
        unpack(b"PK\x03\x04 something else", "toy.zip")


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('"N3",', '"N4",', "not W N1 N2 N3 R"),
        ('"temperature": 1.25', '"temperature": 0', "temperature 0.0 is not"),
        ('"temperature": 1.25', '"temperature": NaN', "temperature nan is not"),
        ('"temperature"', '"warmth"', "incomplete: KeyError"),
        ("12.0,", "-12.0,", "one positive number per channel"),
        ("12.0,", "", "one positive number per channel"),
        ("EOG horizontal", "EEG Fpz-Cz", "no twins"),
        ('"sfreq": 100.0', '"sfreq": 80.0', "twice the last"),
        ('"sfreq": 100.0', '"sfreq": "x"', "not a number"),
        ('"low_pass_hz": 0.5', '"low_pass_hz": 0.05', "must rise"),
        ('"sfreq"', '"rate"', "incomplete: TypeError"),
        ('"about": {', '"about": 7, "more": {', "incomplete: TypeError"),
        ('"name"', "name", "no readable card"),
    ],
)
def test_a_card_that_makes_no_sense_is_refused_with_the_reason(old, new, complaint):
    with pytest.raises(ModelError, match=r"^toy\.tflite: ") as refusal:
        unpack(with_text(old, new), "toy.tflite")
    assert complaint in str(refusal.value)


@pytest.mark.parametrize("document", ["[]", "7", '"card"', "null"])
def test_a_card_that_is_no_object_is_refused(document):
    with pytest.raises(ModelError, match=r"toy\.tflite: its card is incomplete"):
        unpack(rewritten("card.json", document), "toy.tflite")


def test_a_card_that_would_fill_the_memory_is_not_read():
    with pytest.raises(ModelError, match="no readable card"):
        unpack(rewritten("card.json", " " * (LARGEST_ENTRY + 1)), "toy.tflite")


def test_golden_vectors_hold_no_code_and_only_int8():
    pickled, floats = io.BytesIO(), io.BytesIO()
    np.savez(pickled, inputs=np.array([print], object), logits=GOLDEN.logits)
    np.savez(floats, inputs=GOLDEN.inputs.astype(float), logits=GOLDEN.logits)
    for content in (pickled, floats):
        with pytest.raises(ModelError, match="golden vectors"):
            read_golden(rewritten("golden.npz", content.getvalue()), "toy.tflite")


def test_the_short_digest_is_48_bits_of_the_long_one():
    _, card = unpack(PACKAGE, "toy.tflite")
    assert len(card.digest) == 64
    assert card.digest.startswith(card.short_digest)
    assert len(card.short_digest) == 12


def test_the_scale_is_float32_because_the_signal_is():
    np.testing.assert_array_equal(CARD.scale(), np.array([12, 20], np.float32))
    assert CARD.scale().dtype == np.float32
