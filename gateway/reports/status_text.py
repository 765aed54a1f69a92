"""Daemon status as text. Pure."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, tzinfo
from enum import Enum
from typing import Any, NamedTuple

POOR = 0.5  # quality of a derivation
LOW_BATTERY_PCT = 15
LITTLE_DISK_MB = 500
MUCH_LOST_PCT = 1.0
RESTART = "sudo systemctl restart sleepgate"


class LineTone(Enum):
    """Tone of a line, shown as its colour."""

    PLAIN = "plain"
    GOOD = "good"
    WARNING = "warning"
    BAD = "bad"


class StatusTextLine(NamedTuple):
    """Line of text and its tone."""

    text: str
    tone: LineTone = LineTone.PLAIN


def status_lines(
    status: Mapping[str, Any], zone: tzinfo | None = UTC
) -> list[StatusTextLine]:
    """Write what keeps to ``status.v1`` as some lines.

    Parameters
    ----------
    status : mapping
    zone : tzinfo or None
        Time zone of the times; None for that of this machine.
    """
    labels = [device["name"] for device in status["devices"]]
    labels += [output["name"] for output in status["outputs"]]
    width = max(map(len, [*labels, "sleepgate"])) + 2
    rows = [("sleepgate", line) for line in _daemon(status)]
    for device in status["devices"]:
        rows += [(device["name"], line) for line in _device(device, zone)]
    rows += [(each["name"], _output(each)) for each in status["outputs"]]
    rows += [("clock", _clock(status)), ("disk", _disk(status))]
    before = ""
    lines = []
    for label, line in rows:
        shown = "" if label == before else label
        lines.append(
            StatusTextLine(f"{shown:<{width}}{_one_line(line.text)}", line.tone)
        )
        before = label
    return lines


def duration_text(seconds: float) -> str:
    """Write e.g. ``3 h 12 min``."""
    minutes, s = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {s} s" if minutes else f"{s} s"


def _one_line(text: str) -> str:
    """Remove control characters, which a headband's or broker's text may contain."""
    clean = "".join(char if char.isprintable() else " " for char in text)
    return " ".join(clean.split())


def _daemon(status: Mapping[str, Any]) -> Iterator[StatusTextLine]:
    model = status["model"]
    scored = f", model {model['id']} ({model['digest']})" if model else ""
    rss = status["process"]["rss_mb"]
    memory = "" if rss is None else f", {rss:.0f} MB"
    runs = duration_text(status["uptime_s"])
    yield StatusTextLine(f"{status['version']}, running for {runs}{memory}{scored}")
    if waiting := status["restart_required"]:
        what = f"changed, in use after a restart: {', '.join(waiting)}"
        yield StatusTextLine(f"{what} ({RESTART})", LineTone.WARNING)
    for problem in status["config_problems"]:
        yield StatusTextLine(f"not in use: {problem}", LineTone.BAD)
    for fault in status.get("faults", []):  # none from an older daemon
        yield StatusTextLine(fault_text(fault), LineTone.BAD)


def fault_text(fault: Mapping[str, Any]) -> str:
    """Write a fault of ``status.v1``."""
    return (
        f"unexpected errors: {fault['count']} over a {fault['edge']}, the last over "
        f"{fault['what']}: {fault['error']} ({fault['where']}); a bug, please report it"
    )


def _device(device: Mapping[str, Any], zone: tzinfo | None) -> Iterator[StatusTextLine]:
    yield _link(device)
    yield StatusTextLine(_session(device["session"], zone))
    epoch = device["epoch"]
    if epoch is not None:
        yield _stage(epoch, zone)
        yield _quality(epoch["quality"])
    yield _loss(device)


def _link(device: Mapping[str, Any]) -> StatusTextLine:
    battery = device["battery_pct"]
    charge = "battery level unknown" if battery is None else f"battery {battery} %"
    words = f"{device['link']}: {device['reason']}; {charge}"
    if not device["online"]:
        return StatusTextLine(words, LineTone.BAD)
    low = battery is not None and battery <= LOW_BATTERY_PCT
    return StatusTextLine(words, LineTone.WARNING if low else LineTone.GOOD)


def _time(iso: str, zone: tzinfo | None) -> str:
    return f"{datetime.fromisoformat(iso).astimezone(zone):%Y-%m-%d %H:%M:%S}"


def _session(session: Mapping[str, Any], zone: tzinfo | None) -> str:
    if session["id"] is None:
        return "no session"
    since = f" since {_time(session['started'], zone)}" if session["started"] else ""
    return f"session {session['id']}: {session['state']}{since}"


def _stage(epoch: Mapping[str, Any], zone: tzinfo | None) -> StatusTextLine:
    which = f"epoch {epoch['index']} of {_time(epoch['start'], zone)}"
    if epoch["stage"] is None:
        return StatusTextLine(
            f"unscored ({epoch['reason']}), {which}", LineTone.WARNING
        )
    return StatusTextLine(
        f"{epoch['stage']} with {epoch['confidence']:.0%}, {which}", LineTone.GOOD
    )


def _quality(quality: Mapping[str, float | None]) -> StatusTextLine:
    scores = [score for score in quality.values() if score is not None]
    words = ", ".join(
        f"{label} {'absent' if score is None else f'{score:.2f}'}"
        for label, score in quality.items()
    )
    poor = max(scores, default=0.0) < POOR
    return StatusTextLine(
        f"quality {words}", LineTone.WARNING if poor else LineTone.PLAIN
    )


def _loss(device: Mapping[str, Any]) -> StatusTextLine:
    pct = device["lost_pct"]
    share = "" if pct is None else f" ({pct:.2f} %)"
    words = f"lost {device['lost_s']:.2f} s{share}"
    for key, name in (
        ("bad_packets", "bad packets"),
        ("drops", "link drops"),
        ("stalls", "stalls"),
    ):
        if device[key]:
            words += f", {device[key]} {name}"
    much = pct is not None and pct > MUCH_LOST_PCT
    return StatusTextLine(words, LineTone.WARNING if much else LineTone.PLAIN)


def _output(output: Mapping[str, Any]) -> StatusTextLine:
    return StatusTextLine(
        output["words"], LineTone.GOOD if output["well"] else LineTone.BAD
    )


def _clock(status: Mapping[str, Any]) -> StatusTextLine:
    if status["clock"]["synchronised"]:
        return StatusTextLine("synchronised", LineTone.GOOD)
    return StatusTextLine(
        "not synchronised: dates and times may be wrong", LineTone.WARNING
    )


def _disk(status: Mapping[str, Any]) -> StatusTextLine:
    free_mb = status["disk_free_mb"]
    if free_mb is None:
        return StatusTextLine("free space unknown", LineTone.WARNING)
    little = free_mb < LITTLE_DISK_MB
    return StatusTextLine(
        f"{free_mb:.0f} MB free", LineTone.WARNING if little else LineTone.GOOD
    )
