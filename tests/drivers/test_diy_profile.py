"""The page that describes the open profile says what the driver does."""

import ctypes
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from gateway.acquisition.packets import Battery
from gateway.drivers import diy
from gateway.drivers.diy.info import MODALITY
from gateway.errors import DecodeError

PAGE = (Path(__file__).parents[2] / "docs/diy-profile.md").read_text()
BLOCK = re.compile(
    r"^```(?P<title>[^\n]+)\n(?P<body>.*?)^```$", re.DOTALL | re.MULTILINE
)
BLOCKS = {found["title"]: found["body"] for found in BLOCK.finditer(PAGE)}


def example(title):
    lines = BLOCKS[f"hex {title}"].splitlines()
    return bytes.fromhex(" ".join(line.partition(";")[0] for line in lines))


INFO = diy.decode_info(example("INFO"))
COUNTS = [[100, -(2**23)], [-100, 2**23 - 1]]


def test_the_uuids_are_the_drivers():
    table = dict(re.findall(r"^\| (\w+) \| `([0-9a-f-]{36})` \|", PAGE, re.MULTILINE))
    assert table == {
        "service": diy.SERVICE,
        "INFO": diy.INFO,
        "DATA": diy.DATA,
        "CONTROL": diy.CONTROL,
        "STATUS": diy.STATUS,
    }


def test_operations_errors_and_roles_are_the_drivers():
    for number, name in ((diy.START, "START"), (diy.STOP, "STOP"), (8, "IDENTIFY")):
        assert f"| {number} {name} |" in PAGE
    for error in (diy.UNKNOWN_OPERATION, diy.MTU_TOO_SMALL, diy.BAD_ARGUMENTS):
        assert f"| {error:#x} |" in PAGE
    roles = ", ".join(f"{n} {kind.value}" for n, kind in MODALITY.items())
    assert roles.replace("aux", "other") in PAGE


def test_the_example_of_info_is_what_it_says():
    assert (INFO.config_id, INFO.boot_id, INFO.tick_hz) == (0xA7, 0x5EED0001, 32768.0)
    (stream,) = INFO.montage.streams
    assert stream.sfreq == 250.0
    assert [c.label for c in stream.channels] == ["AF7-Fpz", "ROC-LOC"]
    assert [c.lsb_uv for c in stream.channels] == pytest.approx([0.5, 0.5])
    assert [c.modality.value for c in stream.channels] == ["EEG", "EOG"]
    assert diy.encode_info(INFO, (19,)) == example("INFO")


@pytest.mark.parametrize("title", ["DATA", "DATA with CRC"])
def test_the_example_of_a_frame_is_what_it_says(title):
    packet = diy.decode(INFO, example(title), 0.0)
    assert (packet.index, packet.ticks) == (1000, 131072)
    np.testing.assert_array_equal(packet.counts, COUNTS)
    crc = title != "DATA"
    assert diy.encode(INFO, packet, crc=crc) == example(title)


def test_the_example_of_start_is_what_the_handshake_writes():
    handshake = diy.handshake()
    next(handshake)
    assert handshake.send(example("INFO")).payload == example("START")


def test_the_example_of_status_is_what_it_says():
    assert diy.decode_status(example("STATUS")) == Battery(95)
    assert diy.encode_status(655360, Battery(95)) == example("STATUS")


@pytest.mark.parametrize("title", ["INFO", "DATA", "DATA with CRC", "STATUS"])
def test_an_example_that_lacks_a_byte_is_refused(title):
    read = {"INFO": diy.decode_info, "STATUS": diy.decode_status}.get(
        title, lambda value: diy.decode(INFO, value, 0.0)
    )
    with pytest.raises(DecodeError):
        read(example(title)[:-1])


@pytest.fixture(scope="module")
def firmware(tmp_path_factory):
    """Compile the page's C."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("no C compiler here")
    folder = tmp_path_factory.mktemp("firmware")
    source = re.sub(r"^static ", "", BLOCKS["c"], flags=re.MULTILINE)
    (folder / "osb1.c").write_text(source)
    strict = ["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-shared"]
    subprocess.run(
        [compiler, *strict, "-fPIC", "-o", "osb1.so", "osb1.c"], cwd=folder, check=True
    )
    return ctypes.CDLL(str(folder / "osb1.so"))


def test_the_pages_c_writes_the_pages_info(firmware):
    ctypes.c_uint32.in_dll(firmware, "session_id").value = INFO.boot_id
    room = ctypes.create_string_buffer(512)
    length = firmware.osb_info(room)
    assert room.raw[:length] == example("INFO")


def test_the_pages_c_writes_the_pages_frame(firmware):
    samples = (ctypes.c_int32 * 4)(*np.array(COUNTS).T.ravel().tolist())
    room = ctypes.create_string_buffer(244)
    length = firmware.osb_frame(room, 1000, 131072, samples, 2)
    assert room.raw[:length] == example("DATA")


@pytest.mark.parametrize(
    ("written", "mtu", "answer", "streams"),
    [
        (example("START"), 247, 0, True),
        (example("START"), 21, 0, True),
        (example("START"), 20, diy.MTU_TOO_SMALL, False),
        (example("START")[:-1], 247, diy.BAD_ARGUMENTS, False),
        (b"\x01\x02\x00\x00\x00", 247, diy.BAD_ARGUMENTS, False),
        (b"\x01\x00\x00\x00\x00", 247, diy.BAD_ARGUMENTS, False),
        (bytes([diy.STOP]), 23, 0, False),
        (bytes([diy.IDENTIFY]), 23, 0, False),
        (b"\x09", 247, diy.UNKNOWN_OPERATION, False),
        (b"", 247, diy.UNKNOWN_OPERATION, False),
    ],
)
def test_the_pages_c_answers_as_the_page_says(firmware, written, mtu, answer, streams):
    streaming = ctypes.c_int.in_dll(firmware, "streaming")
    streaming.value = 0
    firmware.osb_control.restype = ctypes.c_uint8
    assert firmware.osb_control(written, len(written), mtu) == answer
    assert bool(streaming.value) is streams
