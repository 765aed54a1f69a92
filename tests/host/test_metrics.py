"""What the machine tells of itself, on a machine that tells it."""

import pytest

from gateway.host import metrics


@pytest.mark.parametrize(
    ("shown", "slow"),
    [("0\n", False), ("50000\n", False), ("50005\n", True), ("8\n", True)],
    ids=["well", "only before", "now and before", "soft limit"],
)
@pytest.mark.parametrize(
    "of_model",
    [
        "soc/soc:firmware",
        "soc@107c000000/soc@107c000000:firmware",
        "soc@107c000000:firmware",
    ],
)
def test_a_raspberry_pi_that_slows_down_says_so(
    tmp_path, monkeypatch, shown, slow, of_model
):
    """Low bits of ``vcgencmd get_throttled`` are now, those from 16 on since boot."""
    file = tmp_path / of_model / "get_throttled"
    file.parent.mkdir(parents=True)
    file.write_text(shown)
    monkeypatch.setattr(metrics, "PLATFORM", tmp_path)
    assert metrics.VitalsReader(tmp_path).take().throttled is slow


def test_what_a_machine_does_not_tell_is_unknown(tmp_path, monkeypatch):
    for name in ("PLATFORM", "TEMPERATURE", "MEMORY", "PAGES"):
        monkeypatch.setattr(metrics, name, tmp_path / "not there")
    vitals = metrics.VitalsReader(tmp_path / "nor this").take()
    assert (vitals.throttled, vitals.cpu_temp_c, vitals.mem_free_mb) == (None,) * 3
    assert vitals.disk_free_mb is not None
