"""Checks of the model: its golden vectors, its speed, its fast kernels."""

import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from gateway.doctor.report import Finding, broken, good, skipped, warning
from gateway.doctor.target import Target, output_of
from gateway.errors import ModelError
from gateway.models.load import read_model, try_model
from gateway.staging.scorers.litert import N_SAMPLES

CPUINFO = Path("/proc/cpuinfo")
N_TIMED = 15
# one thread; a Pi Zero 2 W is about ten times slower than what these were tried on
SLOW_MS = {"ai-edge-litert": 20.0, "tflite-runtime": 200.0}
NEXT = {
    False: "copy the file again, or set staging.model to default",
    True: "install Sleepgate again",
}
TRAP = "without /proc/cpuinfo inference is many times slower"


def model_findings(target: Target) -> Iterator[Finding]:
    """Score the golden vectors of the model, and time an epoch."""
    name = target.config.staging.model if target.config else "default"
    try:
        yield _verified(name)
        yield _speed(name)
    except ModelError as error:
        words, _, step = str(error).partition("\nnext: ")
        yield broken("model", words, step or NEXT[name == "default"])
    yield from cpuinfo_findings()


def _verified(name: str) -> Finding:
    trial = try_model(name)
    title = f"{trial.card.name} ({trial.card.short_digest})"
    if not trial.verdicts:
        step = "export it again with golden vectors, or use another model"
        return warning("model", f"{title} has no golden vectors to verify it by", step)
    wrong = [
        kernels for kernels, verdict in trial.verdicts.items() if not verdict.passed
    ]
    if wrong:
        step = "report it with the output of `sleepgate model verify`"
        return broken(
            "model",
            f"{title} scores its golden vectors wrongly: {'; '.join(wrong)}",
            step,
        )
    return good(
        "model",
        f"{title} scores its golden vectors as it should: {'; '.join(trial.verdicts)}",
    )


def _speed(name: str) -> Finding:
    scorer = read_model(name)
    codes = np.zeros((len(scorer.card.channels), N_SAMPLES), np.int8)
    scorer.logits(codes)
    took_ms = []
    for _ in range(N_TIMED):
        start = time.perf_counter()
        scorer.logits(codes)
        took_ms.append((time.perf_counter() - start) * 1000)
    median_ms = statistics.median(took_ms)
    expected_ms = SLOW_MS[scorer.runtime.partition(" ")[0]]
    words = f"{median_ms:.2f} ms per epoch with {scorer.runtime}"
    bound = f"expected: less than {expected_ms:.0f} ms"
    if scorer.runtime.startswith("ai-edge-litert") and not scorer.delegated:
        step = "report it with the content of /proc/cpuinfo"
        return warning("speed", f"{words}, without its fast kernels (XNNPACK)", step)
    if median_ms > expected_ms:
        step = "`top` shows what else runs; `vcgencmd get_throttled` shows low voltage"
        return warning("speed", f"{words}, {bound}", step)
    return good("speed", f"{words}, {bound}")


def cpuinfo_findings() -> Iterator[Finding]:
    """Check that the daemon can read /proc/cpuinfo, which LiteRT chooses kernels by."""
    try:
        CPUINFO.read_bytes()
    except OSError:
        yield broken(
            "cpuinfo",
            f"/proc/cpuinfo cannot be read: {TRAP}",
            "mount /proc without subset=",
        )
    output = output_of("systemctl", "show", "sleepgate", "--property=ProcSubset")
    if output == "ProcSubset=pid":
        step = "sudo systemctl edit sleepgate, add [Service] ProcSubset=all"
        yield broken("cpuinfo", f"the unit hides /proc/cpuinfo: {TRAP}", step)
    elif not output:
        step = "run the doctor on the gateway"
        yield skipped(
            "cpuinfo", "the unit cannot be checked: systemd does not run here", step
        )
    else:
        yield good("cpuinfo", "the unit lets LiteRT read /proc/cpuinfo")
