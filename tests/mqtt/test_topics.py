"""Names, retain flags and expiry of topics."""

import pytest

from gateway.errors import ConfigError
from gateway.mqtt.topics import TopicTree


def test_the_tree_is_the_published_one():
    tree = TopicTree("sleepgate")
    assert tree.bridge_state.name == "sleepgate/bridge/state"
    assert tree.availability("bedroom").name == "sleepgate/bedroom/availability"
    assert tree.stage("bedroom").name == "sleepgate/bedroom/stage"
    assert tree.summary("bedroom").name == "sleepgate/bedroom/summary"


def test_a_stage_is_retained_only_where_it_can_expire():
    stage = TopicTree("sleepgate").stage("bedroom")
    assert stage.expiry_s == 90
    assert stage.retained_by("5")
    assert not stage.retained_by("3.1.1")


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_what_stays_true_is_retained_under_both_protocols(protocol):
    tree = TopicTree("home/sleepgate")
    for topic in (tree.bridge_state, tree.availability("a"), tree.summary("a")):
        assert topic.retained_by(protocol)
        assert topic.qos == 1


@pytest.mark.parametrize("base", ["", "/", "a//b", "a/", "a/+", "#", "a b", "$SYS"])
def test_a_base_that_is_no_topic_is_refused(base):
    with pytest.raises(ConfigError, match="base_topic"):
        TopicTree(base)


@pytest.mark.parametrize("device", ["", "Bed", "a/b", "+", "schlafzimmer ost"])
def test_a_device_that_is_no_level_is_refused(device):
    with pytest.raises(ConfigError, match="bedroom"):
        TopicTree("sleepgate").stage(device)
