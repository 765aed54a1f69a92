"""The doctor's connection to the broker: login, and whether messages arrive."""

import asyncio
import subprocess

import pytest

from gateway.doctor import mqtt_delivery
from gateway.doctor.mqtt_delivery import delivery_findings
from gateway.doctor.report import Severity, worst
from gateway.doctor.target import Target
from gateway.errors import ConfigError
from gateway.host.metrics import gateway_id
from gateway.mqtt.client import MqttClient
from gateway.mqtt.client_events import Message
from gateway.mqtt.options import MqttOptions
from gateway.mqtt.topics import TopicTree
from sim.local_broker import LocalBroker

pytestmark = pytest.mark.integration

SG = {"username": "sg", "password": "secret"}
OPEN = "allow_anonymous true"


@pytest.fixture
def target(tmp_path):
    return Target(tmp_path / "c.yaml", None, (), tmp_path / "no.sock")


async def looked_at(target, broker, **options):
    settings = MqttOptions(host=broker.host, port=broker.port, **options)
    return await asyncio.to_thread(lambda: list(delivery_findings(target, settings)))


def of(found, check):
    return next(each for each in found if each.check == check)


async def test_what_arrives_is_good_and_nothing_is_left_behind(
    target, broker, listening
):
    async with listening(broker, "#") as listener:
        found = await looked_at(target, broker)
        assert worst(found) is Severity.GOOD
        assert "received again" in of(found, "delivery").words
        await listener.catch_up()
        heard = [each for each in listener.heard if "marker" not in each.topic]
    assert heard
    assert all(each.payload == b"" for each in heard)
    async with listening(broker, "#") as listener:
        assert [each for each in listener.heard if each.retained] == []


async def refusing(tmp_path, rule, protocol):
    passwords, acl = tmp_path / "passwords", tmp_path / "acl"
    made = ["mosquitto_passwd", "-b", "-c", passwords, "sg", "secret"]
    await asyncio.to_thread(subprocess.run, made, check=True, capture_output=True)
    acl.write_text(f"user sg\n{rule}\n")
    files = (f"password_file {passwords}", f"acl_file {acl}")
    target = Target(tmp_path / "c.yaml", None, (), tmp_path / "no.sock")
    async with LocalBroker(settings=("allow_anonymous false", *files)) as broker:
        return await looked_at(target, broker, **SG, protocol=protocol)


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
@pytest.mark.parametrize(
    ("allowed", "refused"),
    [("homeassistant", "sleepgate/"), ("sleepgate", "homeassistant/")],
)
async def test_topics_that_the_access_list_leaves_out_are_named(
    tmp_path, protocol, allowed, refused
):
    rule = f"topic readwrite {allowed}/#"
    found = of(await refusing(tmp_path, rule, protocol), "delivery")
    assert found.verdict is Severity.BROKEN
    assert refused in found.words
    assert f"{allowed}/" not in found.words
    assert "let user sg read and write sleepgate/# and homeassistant/#" in found.remedy


@pytest.mark.parametrize("limit", ["retain_available false", "max_qos 0"])
async def test_a_narrow_broker_is_a_warning(target, limit):
    try:
        async with LocalBroker(settings=(OPEN, limit)) as broker:
            found = await looked_at(target, broker)
    except ConfigError as error:
        pytest.skip(str(error))
    assert of(found, "limits").verdict is Severity.WARNING
    assert limit in of(found, "limits").words
    assert of(found, "delivery").verdict is Severity.GOOD


async def test_a_running_daemon_keeps_its_connection(target, broker, monkeypatch):
    monkeypatch.setattr(mqtt_delivery, "_daemon_status", lambda _target: {})
    options = MqttOptions(host=broker.host, port=broker.port)
    will = Message(TopicTree("sleepgate").bridge_state, b"offline")
    name = options.client_id(gateway_id())
    async with MqttClient(options.address, will, lambda: (), client_id=name) as daemon:
        assert worst(await looked_at(target, broker)) is Severity.GOOD
        assert daemon.connections == 1


async def test_a_second_gateway_that_the_daemon_knows_of_is_named(
    target, broker, monkeypatch
):
    outputs = [{"name": "mqtt", "facts": {"other_gateways": ["bbbbbb"]}}]
    status = {"outputs": outputs}
    monkeypatch.setattr(mqtt_delivery, "_daemon_status", lambda _target: status)
    found = of(await looked_at(target, broker), "gateways")
    assert found.verdict is Severity.WARNING
    assert "bbbbbb" in found.words
    assert "outputs.mqtt.base_topic" in found.remedy
