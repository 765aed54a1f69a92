"""What `scripts/test-arm64` goes by sees what it should."""

import json
import struct

import pytest

from tests.acceptance.arm64.__main__ import SUITES, SYNTHETIC, judged
from tests.acceptance.arm64.page_alignment import load_alignments, too_finely_aligned
from tests.acceptance.arm64.processors import PROCESSORS, cpuinfo
from tests.acceptance.arm64.scores import difference, read_scores
from tests.acceptance.arm64.synthetic_night import write_night


def epoch(number, stage="N2", wake=0.1, *, scored=True):
    told = {"W": wake, "N2": 1 - wake} if scored else None
    return {
        "epoch": number,
        "stage": stage if scored else None,
        "scored": scored,
        "reason": None if scored else stage,
        "proba": told,
        "raw_proba": told,
    }


def test_the_summary_is_no_epoch():
    lines = "\n".join(map(json.dumps, [epoch(0), epoch(1), {"final": True}]))
    assert [each["epoch"] for each in read_scores(lines)] == [0, 1]


def test_the_same_night_does_not_differ():
    night = [epoch(0), epoch(1, "off_head", scored=False)]
    found = difference(night, night)
    assert found.stages == ("N2", "off_head")
    assert (found.other, found.apart) == ((), 0.0)
    assert not list(judged(found, "real.npz", 0.0))


def test_another_stage_is_wrong():
    found = difference([epoch(0), epoch(1, "W")], [epoch(0), epoch(1)])
    assert found.other == (1,)
    assert any("epochs (1,)" in said for said in judged(found, "real.npz", 1.0))


def test_an_epoch_refused_on_one_machine_is_wrong():
    found = difference([epoch(0)], [epoch(0, "gap", scored=False)])
    assert found.other == (0,)


@pytest.mark.parametrize("name", ["proba", "raw_proba"])
def test_a_probability_too_far_off_is_wrong(name):
    other = epoch(0) | {name: {"W": 0.16, "N2": 0.84}}
    found = difference([epoch(0)], [other])
    assert found.apart == pytest.approx(0.06)
    assert any("0.06 apart" in said for said in judged(found, "real.npz", 0.05))
    assert not list(judged(found, "real.npz", 0.07))


@pytest.mark.parametrize("other", [[], [epoch(0)], [epoch(0), epoch(2)]])
def test_other_epochs_are_not_compared(other):
    with pytest.raises(ValueError, match="epochs"):
        difference([epoch(0), epoch(1)], other)
    with pytest.raises(ValueError, match="epochs"):
        difference([], [])


def test_a_night_of_one_stage_is_no_comparison():
    found = difference([epoch(0)], [epoch(0)])
    assert any("fewer than" in said for said in judged(found, SYNTHETIC, 1.0))


def test_litert_is_held_to_the_bit_and_to_its_fast_kernels():
    assert SUITES["trixie"].apart <= 1e-9
    assert SUITES["trixie"].kernels == "XNNPACK"


def test_the_synthetic_night_is_the_same_each_time(tmp_path):
    for name in "ab":
        write_night(tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize("processor", PROCESSORS)
def test_a_processor_is_reported_as_linux_tells_it(processor):
    blocks = cpuinfo(processor).strip().split("\n\n")
    assert len(blocks) == 4
    told = dict(line.split("\t: ") for line in blocks[3].splitlines())
    assert told["processor"] == "3"
    assert told["CPU part"] == PROCESSORS[processor][0]


# --- pages ---


def shared_object(*alignments):
    """An ELF header and as many LOAD segments, with a NOTE before them."""
    segments = [(4, 4), *((1, alignment) for alignment in alignments)]
    header = b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HHI", 3, 183, 1)
    header += struct.pack("<QQQIHHHHHH", 0, 64, 0, 0, 64, 56, len(segments), 0, 0, 0)
    return header + b"".join(
        struct.pack("<IIQQQQQQ", kind, 5, 0, 0, 0, 0, 0, alignment)
        for kind, alignment in segments
    )


def test_only_segments_that_are_loaded_count():
    assert load_alignments(shared_object(0x10000, 0x4000)) == [0x10000, 0x4000]


@pytest.mark.parametrize(
    ("alignments", "wrong"),
    [
        ((0x10000, 0x10000), 0),
        ((0x4000, 0x200000), 0),
        ((0x10000, 0x1000), 1),
        ((0x5000,), 1),
        ((0,), 1),
    ],
)
def test_a_finer_segment_is_seen(tmp_path, alignments, wrong):
    path = tmp_path / "lib.so"
    path.write_bytes(shared_object(*alignments))
    assert len(list(too_finely_aligned([path]))) == wrong


def test_what_is_no_elf_file_is_no_shared_object():
    with pytest.raises(ValueError, match="ELF"):
        load_alignments(b"INPUT(-lc)")
