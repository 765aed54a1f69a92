import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.acceptance.bluez_vm.guest.vhci_bridge import packets


@st.composite
def h4_packets(draw):
    kind = draw(st.sampled_from([1, 2, 3, 4, 5]))
    payload = draw(st.binary(max_size=60))
    n = len(payload)
    head = {
        1: b"\x03\x0c" + bytes([n]),
        2: b"\x40\x20" + n.to_bytes(2, "little"),
        3: b"\x40\x00" + bytes([n]),
        4: b"\x3e" + bytes([n]),
        # bits 14 and 15 are reserved: no part of the length
        5: b"\x40\x00" + (n | 0xC000).to_bytes(2, "little"),
    }[kind]
    return bytes([kind]) + head + payload


@given(st.lists(h4_packets(), max_size=8), st.data())
def test_packets_come_out_whole_however_the_stream_is_cut(sent, data):
    stream = b"".join(sent)
    buffer, received = bytearray(), []
    while stream:
        n = data.draw(st.integers(1, len(stream)))
        buffer += stream[:n]
        stream = stream[n:]
        received += packets(buffer)
    assert received == sent
    assert not buffer


def test_a_stream_out_of_step_is_refused():
    with pytest.raises(ValueError, match="no HCI packet: 77"):
        list(packets(bytearray(b"\x77rest")))
