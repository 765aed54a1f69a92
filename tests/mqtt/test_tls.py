"""Encrypted, and believed only with the right name from the right authority."""

import socket
import ssl
from contextlib import asynccontextmanager

import pytest

from gateway.config.schema import parse
from gateway.errors import ConfigError
from gateway.mqtt.client import MqttClient
from gateway.mqtt.client_events import BrokerAddress, BrokerState, Message
from gateway.mqtt.diagnostics import certificate_hint
from gateway.mqtt.options import MqttOptions
from gateway.mqtt.tls import Tls
from gateway.mqtt.topics import Topic
from sim.local_broker import LocalBroker
from tests.support.certificates import Authority

pytestmark = [
    pytest.mark.integration,
    # paho leaves the socket of a failed handshake to the garbage collector
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

WILL = Message(Topic("t/state", retain=True), b"offline")


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path)


@asynccontextmanager
async def encrypted(authority, pair, *settings):
    lines = (
        "allow_anonymous true",
        f"cafile {authority.ca}",
        f"certfile {pair.certificate}",
        f"keyfile {pair.key}",
        *settings,
    )
    async with LocalBroker(settings=lines) as broker:
        yield broker


@asynccontextmanager
async def connecting(broker, tls, **options):
    address = BrokerAddress(host=broker.host, port=broker.port, tls=tls, **options)
    async with MqttClient(address, WILL, lambda: ()) as client:
        yield client


async def test_the_right_broker_is_believed_and_spoken_to(authority, until):
    async with (
        encrypted(authority, authority.sign("broker")) as broker,
        connecting(broker, Tls(ca=str(authority.ca))) as client,
    ):
        await until(lambda: client.connection is BrokerState.ONLINE, "a connection")
        assert not client.problem
        assert await client.publish(Message(Topic("t/x", retain=False), b"x"))
        assert await client.drain()


async def test_an_authority_made_at_home_is_believed_under_strict_rules(
    authority, until, monkeypatch
):
    """Python 3.13 sets VERIFY_X509_STRICT, and the authority has no keyUsage."""
    lenient = ssl.create_default_context

    def strict(**options):
        context = lenient(**options)
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        return context

    monkeypatch.setattr(ssl, "create_default_context", strict)
    async with (
        encrypted(authority, authority.sign("broker")) as broker,
        connecting(broker, Tls(ca=str(authority.ca))) as client,
    ):
        await until(lambda: client.connection is BrokerState.ONLINE, "a connection")
    system = Tls().context()
    assert system.verify_flags & ssl.VERIFY_X509_STRICT
    assert system.check_hostname
    ours = Tls(ca=str(authority.ca)).context()
    assert ours.check_hostname
    assert ours.verify_mode is ssl.CERT_REQUIRED


@pytest.mark.parametrize(
    "why",
    [
        "CA cert does not include key usage extension",
        "Missing Authority Key Identifier",
        "Basic Constraints of CA cert not marked critical",
    ],
)
def test_what_the_strict_rules_refuse_comes_with_what_to_do(why):
    hint = certificate_hint(f"certificate verify failed: {why} (_ssl.c:1010)")
    assert "outputs.mqtt.tls.ca" in hint
    assert "keyUsage" in hint


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"days": -1}, "renew its certificate"),
        ({"address": "192.0.2.1"}, "a name that its certificate has"),
        ({"begins": 2}, "clock"),
    ],
)
async def test_a_bad_certificate_is_refused_with_what_to_do(
    authority, until, caplog, how, words
):
    pair = authority.sign("broker", **how)
    async with (
        encrypted(authority, pair) as broker,
        connecting(broker, Tls(ca=str(authority.ca))) as client,
    ):
        await until(lambda: words in caplog.text, words)
        assert client.connection is BrokerState.OFFLINE


async def test_a_stranger_s_authority_is_not_believed(
    authority, until, caplog, tmp_path
):
    stranger = Authority(tmp_path, "stranger")
    async with (
        encrypted(authority, authority.sign("broker")) as broker,
        connecting(broker, Tls(ca=str(stranger.ca))) as client,
    ):
        await until(lambda: "outputs.mqtt.tls.ca" in caplog.text, "what to do")
        assert client.connection is BrokerState.OFFLINE


@pytest.mark.parametrize(
    ("ours", "words"),
    [(True, "outputs.mqtt.tls.certificate"), (False, "see outputs.mqtt.tls")],
    ids=["no certificate of ours", "no TLS of ours"],
)
async def test_a_broker_that_hangs_up_without_a_word_is_reported(
    authority, until, caplog, ours, words
):
    tls = Tls(ca=str(authority.ca)) if ours else None
    server, setting = authority.sign("broker"), "require_certificate true"
    async with (
        encrypted(authority, server, setting) as broker,
        connecting(broker, tls) as client,
    ):
        await until(lambda: words in caplog.text, words)
        assert client.connection is BrokerState.OFFLINE
        assert words in client.problem
    said = [record.getMessage() for record in caplog.records]
    assert len([words for words in said if "hangs up" in words]) == 1


async def test_tls_where_none_is_spoken_is_reported(authority, until, caplog):
    async with LocalBroker() as broker, connecting(broker, Tls(ca=str(authority.ca))):
        await until(lambda: "may not speak TLS" in caplog.text, "what to do")


async def test_a_broker_that_wants_a_certificate_gets_ours(authority, until):
    mine = authority.sign("sleepgate")
    tls = Tls(
        ca=str(authority.ca), certificate=str(mine.certificate), key=str(mine.key)
    )
    server = authority.sign("broker")
    async with encrypted(authority, server, "require_certificate true") as broker:
        async with connecting(broker, tls) as client:
            await until(lambda: client.connection is BrokerState.ONLINE, "a connection")
        async with connecting(broker, Tls(ca=str(authority.ca))) as client:
            assert client.connection is not BrokerState.ONLINE


async def test_over_a_websocket_as_well(listening, until):
    settings = ("allow_anonymous true", "protocol websockets")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    plain = f"listener {port} 127.0.0.1"
    async with (
        LocalBroker(settings=(*settings, plain, "protocol mqtt")) as broker,
        connecting(broker, None, websocket="/mqtt") as client,
    ):
        await until(lambda: client.connection is BrokerState.ONLINE, "a connection")


def test_half_a_certificate_and_missing_files_are_reported(tmp_path):
    with pytest.raises(ConfigError) as caught:
        parse(
            {
                "tls": {"ca": str(tmp_path / "none.crt"), "key": "k"},
                "websocket": "mqtt",
            },
            MqttOptions,
            "outputs.mqtt.",
        )
    assert [problem.split(":")[0] for problem in caught.value.problems] == [
        "outputs.mqtt.tls.certificate",
        "outputs.mqtt.tls.ca",
    ]


def test_a_file_that_is_no_certificate_is_named(tmp_path):
    wrong = tmp_path / "ca.crt"
    wrong.write_text("not a certificate")
    with pytest.raises(ConfigError, match=r"ca\.crt"):
        parse({"tls": {"ca": str(wrong)}}, MqttOptions, "outputs.mqtt.")


def test_the_system_s_authorities_are_one_pair_of_braces():
    assert parse({"tls": {}}, MqttOptions).tls == Tls()
