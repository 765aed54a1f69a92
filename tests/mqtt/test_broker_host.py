"""Forms in which people write the broker's host."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.mqtt.broker_host import host_problem


@pytest.mark.parametrize(
    "host",
    [
        *(
            "localhost",
            "broker",
            "broker.local",
            "broker.lan.",
            "my_broker",
            "mosquitto-1",
        ),
        *("192.168.1.20", "::1", "fe80::1%eth0", "2001:db8::7", "küche.local"),
    ],
)
def test_a_name_or_an_address_is_good(host):
    assert host_problem(host) is None


@pytest.mark.parametrize(
    ("host", "form"),
    [
        ("mqtt://broker", "give host: broker"),
        ("mqtt://broker:1883/", "give host: broker, port: 1883"),
        ("MQTTS://broker:8883", "give host: broker, port: 8883, tls: {}"),
        ("ws://broker:9001", "give host: broker, port: 9001, websocket: /mqtt"),
        ("wss://b.org/ws", "give host: b.org, tls: {}, websocket: /ws"),
        ("broker:1883", "give host: broker, port: 1883"),
        ("[::1]", "give host: '::1'"),
        ("[::1]:1883", "give host: '::1', port: 1883"),
        ("tcp://[fe80::1]:1883", "give host: 'fe80::1', port: 1883"),
        (" broker", "give host: broker"),
        ("broker\t", "give host: broker"),
        ("\ufeffbroker", "give host: broker"),
        ("my broker", "give one like"),
        ("a..b", "give one like"),
        ("x" * 64, "give one like"),
        ("", "name the broker's machine"),
        ("  ", "name the broker's machine"),
        ("mqtt://", "give one like"),
    ],
)
def test_any_other_form_is_refused_with_the_right_one(host, form):
    assert form in host_problem(host)


def test_a_password_in_an_address_is_not_shown():
    problem = host_problem("mqtt://me:s3cret@broker:1883")
    assert "keys of their own" in problem
    assert "s3cret" not in problem


@given(st.text())
def test_a_host_that_is_good_can_be_looked_up(host):
    """Encoding it would end the thread that connects."""
    if host_problem(host) is None:
        assert host == host.strip()
        assert not set(host) & set("/@[]")
