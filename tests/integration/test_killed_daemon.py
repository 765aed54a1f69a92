"""The real daemon is killed twice in a night, of which nothing shows but gaps."""

import asyncio
import sys
import tempfile
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
import yaml

from gateway.models.load import read_model
from gateway.offline.score_recording import night_for, score
from gateway.recorder.folder import read_beside, recordings
from gateway.recorder.integrity import annotations, survey
from gateway.recordings.open_recording import open_night
from gateway.staging.scored_epoch import ScoredEpoch
from tests.support.mosquitto import until
from tests.support.mqtt_contract import check_all

pytestmark = pytest.mark.integration

SPEED = 60
PATIENCE_S = 120
HOURS = 0.5
N_EPOCHS = round(HOURS * 120)


@asynccontextmanager
async def program(*arguments):
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", *map(str, arguments)),
        stdin=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


def configuration(folder, broker):
    path = folder / "sleepgate.yaml"
    document = {
        "devices": [{"name": "bedroom"}],
        "ble": {"backend": "simulated", "transport": f"unix:{folder}/hci1"},
        "outputs": {
            "mqtt": {"host": broker.host, "port": broker.port},
            "edf": {"path": str(folder / "recordings"), "min_free_mb": 0},
        },
    }
    path.write_text(yaml.safe_dump(document))
    return path


async def wait_for(n_epochs, listener):
    """Wait until the subscriber has so many epochs."""
    await until(
        lambda: len(listener.on("bedroom/epoch")) >= n_epochs,
        f"{n_epochs} epochs",
        PATIENCE_S,
    )


async def test_a_night_survives_two_kills(broker, listening, monkeypatch):
    with tempfile.TemporaryDirectory() as name:  # a short path, for the sockets
        folder = Path(name)
        monkeypatch.setenv("XDG_STATE_HOME", str(folder / "state"))
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
        config = configuration(folder, broker)
        radios = [folder / f"hci{n}" for n in range(2)]
        run = ("gateway", "run", "--config", config)
        play = ("gateway", "sim", "--synthetic", "--seed", 7, "--hours", HOURS)
        async with (
            listening(broker) as listener,
            program("sim", *(f"unix-server:{radio}" for radio in radios)),
        ):
            await until(lambda: all(map(Path.exists, radios)), "an air")
            transport = ("--transport", f"unix:{radios[0]}", "--speed", SPEED)
            async with program(*play, *transport) as headband:
                for n_epochs in (10, 25):
                    async with program(*run) as daemon:
                        await wait_for(n_epochs, listener)
                        daemon.kill()
                        await daemon.wait()
                async with program(*run):
                    await headband.wait()
                    await wait_for(N_EPOCHS - 1, listener)
                await listener.until(
                    lambda: last(listener, "summary").get("final"), "the summary"
                )
        check_all(listener.heard)
        told = [heard.document for heard in listener.on("bedroom/epoch")]
        # what was on its way when the daemon was killed comes again, as it was
        epochs = list({epoch["epoch"]: epoch for epoch in told}.values())
        assert {(e["epoch"], e["seq"], e["stage"]) for e in told} == {
            (e["epoch"], e["seq"], e["stage"]) for e in epochs
        }
        assert len({epoch["session"] for epoch in epochs}) == 1
        assert [epoch["epoch"] for epoch in epochs] == list(range(len(epochs)))
        assert [epoch["seq"] for epoch in epochs] == list(range(len(epochs)))
        assert "gap" in {epoch["reason"] for epoch in epochs}
        assert sum(epoch["scored"] for epoch in epochs) >= 10  # before the first kill
        assert {epoch["reason"] for epoch in epochs} <= {None, "gap"}
        summary = last(listener, "summary")
        assert summary["epochs"] == len(epochs)
        hypnogram = last(listener, "hypnogram")
        codes = [code for code, n in hypnogram["runs"] for _ in range(n)]
        assert codes == [epoch["stage_int"] for epoch in epochs]
        events = [heard.document for heard in listener.on("bedroom/event")]
        kinds = [event["event_type"] for event in events]
        assert kinds.count("session_started") == 1
        assert kinds.count("session_resumed") == 2
        check_recording(folder / "recordings", epochs)


def check_recording(folder, epochs):
    """See one whole file of what was heard, with every stage that was told."""
    (path,) = recordings(folder)
    known = survey(path)
    assert known.is_whole
    assert known.account.missing_s("BAD_gap") > 0
    stages = [
        text.removeprefix("Sleep stage ")
        for said in annotations(path)
        for text in said.texts
        if text.startswith("Sleep stage ")
    ]
    told = [epoch["stage"] or "?" for epoch in epochs]
    assert [stage.replace("R", "REM") for stage in stages] == told
    recording = open_night(path)
    again = score(recording, night_for(recording, read_model("default")))
    offline = [v.hypnodensity for v in again if isinstance(v, ScoredEpoch)]
    live = [tuple((epoch["proba"] or {}).values()) for epoch in epochs]
    assert offline[: len(live)] == live
    told = read_beside(path)
    found = told["annotated"]["gap_s"] + told["annotated"]["unscored_s"]
    assert told["loss"]["lost_s"] == pytest.approx(found, abs=1e-3)


def last(listener, leaf):
    told = listener.on(f"bedroom/{leaf}")
    return told[-1].document if told else {}
