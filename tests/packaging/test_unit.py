"""What the unit must say, and the two things it must not."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

UNIT = Path(__file__).parents[2] / "systemd" / "sleepgate.service"
has_systemd = pytest.mark.skipif(
    not shutil.which("systemd-analyze"),
    reason="no systemd-analyze",
)


@pytest.fixture(scope="module")
def lines():
    text = UNIT.read_text().splitlines()
    return [line for line in text if "=" in line and not line.startswith("#")]


def test_no_line_is_there_that_silently_breaks_it(lines):
    """DynamicUser cannot reach BlueZ; ProcSubset=pid slows LiteRT a hundredfold."""
    names = {line.partition("=")[0] for line in lines}
    assert not names & {"DynamicUser", "ProcSubset", "Requires", "BindsTo"}


@pytest.mark.parametrize(
    "line",
    [
        "Type=notify",
        "Restart=always",
        "RestartPreventExitStatus=2",
        "StartLimitIntervalSec=0",
        "User=sleepgate",
        "StateDirectory=sleepgate",
        "ConfigurationDirectory=sleepgate",
        "RuntimeDirectory=sleepgate",
        "ExecReload=/bin/kill -HUP $MAINPID",
        "LoadCredential=mqtt_password:/etc/sleepgate/mqtt_password",
    ],
)
def test_what_the_daemon_counts_on_is_there(lines, line):
    assert line in lines


def test_a_secret_that_is_not_there_does_not_stop_the_start(lines):
    loaded = [line for line in lines if line.startswith("LoadCredential=")]
    for line in loaded:
        name = line.partition("=")[2].partition(":")[0]
        assert any(other.startswith(f"SetCredential={name}:") for other in lines)


@has_systemd
def test_the_exposure_is_at_most_one(tmp_path):
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text())
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", str(unit)],
        capture_output=True,
        text=True,
        check=True,
    )
    (score,) = re.findall(
        r"exposure level for sleepgate.service: ([\d.]+)", done.stdout
    )
    assert float(score) <= 1.0


@has_systemd
def test_systemd_understands_every_line(tmp_path):
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace("/usr/bin/sleepgate ", "/usr/bin/env "))
    verify = ["systemd-analyze", "verify", "--man=no", str(unit)]
    done = subprocess.run(verify, capture_output=True, text=True, check=False)
    assert "sleepgate.service" not in done.stderr
    assert done.returncode == 0
