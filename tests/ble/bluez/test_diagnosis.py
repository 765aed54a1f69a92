"""Why there is no Bluetooth is told by what bluetoothd and the kernel say."""

import pytest

from gateway.ble.bluez.dbus import AdapterObject
from gateway.ble.bluez.diagnosis import Hardware, chosen, judge, read_hardware
from gateway.errors import AdapterError

HCI0 = Hardware(("hci0",))


def adapter(name="hci0", **properties):
    address = f"00:00:5E:00:53:0{name[-1]}"
    properties = {"Address": address, "Powered": True, "Roles": ["central"]} | {
        **properties
    }
    return AdapterObject(f"/org/bluez/{name}", properties)


@pytest.mark.parametrize(
    ("adapters", "wanted", "hardware", "says"),
    [
        ([], None, Hardware(()), "plug one in"),
        ([], None, HCI0, "the kernel has hci0"),
        ([adapter()], "hci1", HCI0, "set ble.adapter to hci0 (00:00:5E:00:53:00)"),
        ([adapter(Roles=["peripheral"])], None, HCI0, "hci0 knows no Bluetooth LE"),
        ([adapter(Powered=False)], None, HCI0, "bluetoothctl power on"),
        (
            [adapter(Powered=False, PowerState="off-blocked")],
            None,
            HCI0,
            "rfkill unblock bluetooth",
        ),
        (
            [adapter(Powered=False)],
            "hci0",
            HCI0._replace(soft_blocked=True),
            "rfkill unblock bluetooth",
        ),
        (
            [adapter(Powered=False)],
            None,
            HCI0._replace(soft_blocked=True, hard_blocked=True),
            "hardware switch",
        ),
        ([adapter("hci0"), adapter("hci1", Powered=False)], "hci1", HCI0, "power on"),
    ],
)
def test_each_reason_has_a_next_step(adapters, wanted, hardware, says):
    assert says in str(judge(adapters, wanted, hardware))


@pytest.mark.parametrize(
    ("adapters", "wanted"),
    [
        ([adapter()], None),
        ([adapter()], "hci0"),
        ([adapter("hci0", Powered=False), adapter("hci1")], None),
        ([adapter("hci0", Powered=False), adapter("hci1")], "hci1"),
    ],
)
def test_an_adapter_that_works_gives_no_reason(adapters, wanted):
    assert judge(adapters, wanted, HCI0) is None
    assert chosen(adapters, wanted).properties["Powered"]


def test_an_adapter_that_is_not_there_cannot_be_chosen():
    with pytest.raises(AdapterError, match="hci1"):
        chosen([adapter()], "hci1")


def test_the_kernel_is_asked_without_being_touched(tmp_path):
    def write(path, text):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(f"{text}\n")

    assert read_hardware(tmp_path) == Hardware(())
    write("bluetooth/hci0/address", "00:00:5E:00:53:00")
    write("bluetooth/hci0:64/type", "LE")  # a connection
    for number, (kind, soft) in enumerate([("wlan", 1), ("bluetooth", 0)]):
        write(f"rfkill/rfkill{number}/type", kind)
        write(f"rfkill/rfkill{number}/soft", soft)
        write(f"rfkill/rfkill{number}/hard", 0)
    assert read_hardware(tmp_path) == HCI0
    write("rfkill/rfkill1/soft", 1)
    assert read_hardware(tmp_path) == HCI0._replace(soft_blocked=True)
    write("rfkill/rfkill1/hard", 1)
    assert read_hardware(tmp_path).hard_blocked
