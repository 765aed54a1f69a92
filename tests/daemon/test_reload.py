"""The configuration is read again: what can be is applied, the rest is said."""

import logging

import pytest

from gateway.daemon.reload import Reloader
from gateway.daemon.validate_config import check_config
from gateway.messages.control import Control

pytestmark = pytest.mark.integration  # a thread reads the file

TEXT = "devices: [{name: a}]\noutputs: {mqtt: {}}\nlog: {level: info}\n"


@pytest.fixture
def scene(tmp_path, caplog):
    file, control = tmp_path / "c.yaml", Control()
    file.write_text(TEXT)
    with caplog.at_level(logging.INFO):
        yield file, control, Reloader(file, check_config(file), control)


async def test_log_and_outputs_are_applied(scene):
    file, control, reread = scene
    file.write_text(
        TEXT.replace("info", "debug").replace("mqtt: {}", "mqtt: {port: 9}")
    )
    (mqtt,) = await reread()
    assert mqtt.options.port == 9
    assert logging.getLogger().level == logging.DEBUG
    assert control.restart_required == ()


async def test_the_rest_waits_until_it_is_taken_back(scene, caplog):
    file, control, reread = scene
    file.write_text(TEXT.replace("name: a", "name: b") + "staging: {mains_hz: 60}\n")
    assert await reread() is not None
    assert control.restart_required == ("devices", "staging")
    assert "before a restart" in caplog.text
    assert "devices, staging" in caplog.text
    file.write_text(TEXT)
    await reread()
    assert control.restart_required == ()


async def test_a_broken_file_changes_nothing_and_all_of_it_is_reported(scene, caplog):
    file, control, reread = scene
    file.write_text(
        "devices: [{name: A}]\nlog: {level: debug}\noutputs: {mqtt: {x: 1}}"
    )
    assert await reread() is None
    assert logging.getLogger().level == logging.INFO
    assert [problem.partition(": ")[0] for problem in control.config_problems] == [
        f"{file}:1",
        f"{file}:3",
    ]
    assert all(problem in caplog.text for problem in control.config_problems)
    file.write_text(TEXT)
    await reread()
    assert control.config_problems == ()
