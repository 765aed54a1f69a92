"""The doctor knows what the unit keeps from the daemon, though not from the doctor."""

import pytest

from gateway.doctor import mqtt_checks
from gateway.doctor.mqtt_checks import sandbox_findings
from gateway.doctor.report import Severity

FENCE = (
    "IPAddressAllow=10.0.0.0/8 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 "
    "192.168.0.0/16 224.0.0.0/4 ::1/128 fc00::/7 fe80::/64 ff00::/8\n"
    "IPAddressDeny=0.0.0.0/0 ::/0"
)


@pytest.fixture
def unit(monkeypatch, tmp_path):
    """Return a function: what systemctl says, name servers -> all that is found."""
    monkeypatch.setattr(mqtt_checks, "RESOLV_CONF", tmp_path / "resolv.conf")
    monkeypatch.setattr(mqtt_checks, "HOSTS", tmp_path / "hosts")
    (tmp_path / "hosts").write_text("127.0.0.1 localhost\n192.168.1.9 in-hosts.lan\n")

    def be(says, servers, host):
        lines = "".join(f"nameserver {server}\n" for server in servers.split())
        (tmp_path / "resolv.conf").write_text(f"# by hand\nsearch lan\n{lines}")
        monkeypatch.setattr(mqtt_checks, "output_of", lambda *_: says)
        return list(sandbox_findings(host))

    return be


@pytest.mark.parametrize(
    ("host", "servers", "broken"),
    [
        ("192.168.1.7", "8.8.8.8", set()),
        ("fe80::1%eth0", "8.8.8.8", set()),
        ("203.0.113.7", "8.8.8.8", {"fence"}),
        ("2001:db8::1", "192.168.1.1", {"fence"}),
        ("localhost", "8.8.8.8", set()),
        ("homeassistant.local", "8.8.8.8", set()),
        ("in-hosts.lan", "8.8.8.8", set()),
        ("no-such.invalid", "8.8.8.8", {"names"}),
        ("no-such.invalid", "2001:4860:4860::8888", {"names"}),
        ("no-such.invalid", "192.168.1.1", set()),
        ("no-such.invalid", "127.0.0.53", set()),
        ("no-such.invalid", "8.8.8.8 192.168.1.1", set()),
    ],
)
def test_what_the_fence_keeps_from_the_daemon(unit, host, servers, broken):
    found = unit(FENCE, servers, host)
    wrong = [each for each in found if each.verdict is Severity.BROKEN]
    assert {each.check for each in wrong} == broken
    for each in wrong:
        asked = host if each.check == "fence" else servers
        assert f"IPAddressAllow={asked}," in each.remedy


@pytest.mark.parametrize("says", [None, "", FENCE.replace("0.0.0.0/0 ::/0", "")])
def test_without_a_fence_nothing_is_reported(unit, says):
    assert unit(says, "8.8.8.8", "203.0.113.7") == []
