"""A recording played by a headband becomes sleep stages on MQTT, bit for bit."""

import pytest

from gateway.recordings.edf_recording import read_recording
from sim.night.synthetic_night import synthetic_night

pytestmark = pytest.mark.integration

CUTS = (
    "SC4012E0_epoch0683-0692",
    "SC4012E0_epoch0718-0737",
    "SC4072E0_epoch0000-0009",
    "SC4091E0_epoch0341-0359",
    "SC4091E0_epoch0983-0992",
)
LABELS = ("W", "N1", "N2", "N3", "REM")


def said(documents, field="proba"):
    """Return the hypnodensity of each epoch; empty where it was refused."""
    return [
        tuple(d[field][label] for label in LABELS) if d["scored"] else ()
        for d in documents
    ]


@pytest.mark.parametrize("name", CUTS)
async def test_every_epoch_of_a_real_recording_arrives_as_the_offline_scorer_says(
    name, cut_edf, chain, offline_hypnodensities
):
    path, labels = cut_edf(name)
    recording = read_recording(path)
    async with chain() as running:
        documents = await running.play(recording)
    assert [d["epoch"] for d in documents] == list(range(len(labels)))
    assert [d["seq"] for d in documents] == list(range(len(labels)))
    assert said(documents) == offline_hypnodensities(recording)


@pytest.mark.parametrize(("mtu", "batch_s"), [(23, 1.0), (64, 0.05), (185, 0.5)])
async def test_the_cutting_into_notifications_changes_nothing(
    mtu, batch_s, cut_edf, chain, offline_hypnodensities
):
    path, _ = cut_edf("SC4012E0_epoch0660-0665")
    recording = read_recording(path)
    async with chain() as running:
        documents = await running.play(recording, mtu=mtu, batch_s=batch_s)
    assert said(documents) == offline_hypnodensities(recording)


async def test_a_whole_synthetic_night_arrives_once_and_in_order(
    chain, offline_hypnodensities
):
    recording, stages = synthetic_night(7, 8.0)
    async with chain() as running:
        documents = await running.play(recording)
    assert [d["epoch"] for d in documents] == list(range(len(stages)))
    assert said(documents) == offline_hypnodensities(recording)


async def test_samples_lost_on_the_way_change_only_their_own_epochs(
    chain, offline_hypnodensities, until
):
    recording, _ = synthetic_night(3, 0.25)
    async with chain() as running, running.headband(recording, speed=60.0) as band:
        await until(running.listener.epochs, "the session's first epoch")
        await running.air.outage(3.0)
        await running.ended(band)
        documents = running.listener.stages()
    expected = offline_hypnodensities(recording, alone=True)
    touched = [d["epoch"] for d in documents if d["quality"]["missing_s"] > 0]
    assert [d["epoch"] for d in documents] == list(range(len(expected)))
    assert 1 <= len(touched) < len(expected) - 5
    for epoch, here in enumerate(said(documents, "raw_proba")):
        if epoch not in touched:
            assert here == expected[epoch]


async def test_a_headband_that_vanishes_is_offline_until_it_returns(chain):
    recording, _ = synthetic_night(3, 0.25)
    async with chain() as running:
        async with running.headband(recording, speed=30.0):
            await running.availability("online")
        await running.availability("offline")
        async with running.headband(recording, speed=0.0, boot_id=2) as band:
            await running.availability("online", times=2)
            await running.ended(band)
        documents = running.listener.stages()
    assert [d["epoch"] for d in documents] == list(range(len(documents)))
    assert len(documents) >= recording.duration_s // 30


async def test_a_frozen_headband_is_noticed_by_its_silence(chain):
    recording, _ = synthetic_night(3, 0.25)
    async with (
        chain(stall_s=1.0) as running,
        running.headband(recording, speed=30.0) as band,
    ):
        await running.availability("online")
        band.freeze()
        await running.availability("offline")
        band.thaw()
        await running.availability("online", times=2)


async def test_the_bridge_says_offline_when_it_leaves(chain, until):
    async with chain() as running:
        listener = running.listener
        await until(lambda: listener.on("bridge/state"), "the bridge on the topic")
    assert [h.payload for h in listener.on("bridge/state")] == [b"online", b"offline"]


async def test_a_session_ends_and_another_begins_by_request(chain, until):
    recording, _ = synthetic_night(3, 0.5)
    async with chain() as running, running.headband(recording, speed=60.0):
        listener = running.listener

        def states():
            return [heard.document["state"] for heard in listener.on("bedroom/session")]

        await until(lambda: len(listener.epochs()) > 5, "some epochs")
        await running.request("bedroom/request/session", "stop")
        await until(lambda: states()[-1] == "ended", "the end")
        await until(lambda: listener.on("/summary"), "its statistics")
        ended = len(listener.epochs())
        await running.request("bedroom/request/session", "start")
        await until(lambda: len(listener.epochs()) > ended + 5, "more epochs")
    sessions = [epoch["session"] for epoch in listener.epochs()]
    assert len(set(sessions)) == 2
    assert sessions == sorted(sessions)
    second = [e["epoch"] for e in listener.epochs() if e["session"] == sessions[-1]]
    assert second == list(range(len(second))), "counted from its own beginning"
    assert states()[:4] == ["idle", "recording", "ended", "idle"]
    answers = [h.document for h in listener.on("/response/session")]
    assert [answer["status"] for answer in answers] == ["ok", "ok"]


async def test_a_session_of_nobody_and_a_restart_of_no_service_are_refused(
    chain, until
):
    async with chain() as running:
        listener = running.listener
        await until(lambda: listener.on("bridge/info"), "the introduction")
        await running.request("attic/request/session", "stop")
        await running.request("bridge/request/restart", "{}")
        await until(lambda: listener.on("/response/session"), "an answer")
        await until(lambda: listener.on("/response/restart"), "an answer")
    (session,), (restart,) = (
        [heard.document for heard in listener.on(f"/response/{verb}")]
        for verb in ("session", "restart")
    )
    assert session["error"]["code"] == "no_device"
    assert restart["error"]["code"] == "not_supervised"
