"""``sleepgate score``: a recording through the daemon's own chain."""

from datetime import datetime, timedelta
from pathlib import Path

import click

from gateway.cli_options import CHANNEL, MAINS, MODEL
from gateway.formats.agreement_text import agreement_line
from gateway.formats.mqtt_payloads import (
    Posting,
    epoch_document,
    epoch_payload,
    summary_payload,
)
from gateway.formats.summary_text import summary_lines
from gateway.offline import score
from gateway.outputs import Reading
from gateway.pipeline import Night
from gateway.preprocessing.band import EPOCH_S
from gateway.recordings.edf import read_recording
from gateway.recordings.hypnogram import find_hypnogram, read_hypnogram
from gateway.runtime.model_file import read_model
from gateway.staging.hypnogram import agreement
from gateway.staging.score import ScoredEpoch
from gateway.staging.sleep_statistics import NightSummary
from gateway.staging.stage import Refusal, Stage


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@CHANNEL
@MODEL
@MAINS
def command(
    file: Path, channels: dict[str, str] | None, model: str, mains_hz: int
) -> None:
    """Score FILE (EDF or EDF+): a line of JSON per epoch, as on the MQTT topic.

    The summary goes to stderr; so does the agreement with the expert's hypnogram if
    it lies beside FILE, as in Sleep-EDF.
    """
    recording = read_recording(file, channels)
    scorer = read_model(model)
    card = scorer.card
    scored: list[ScoredEpoch] = []
    for value in score(recording, Night(scorer, {}, mains_hz)):
        reading = Reading(
            device="offline",
            session=recording.name,
            model=card.name,
            model_digest=card.short_digest,
            channels=card.channels,
            value=value,
        )
        if isinstance(value, ScoredEpoch):
            scored.append(value)
            document = epoch_document(reading, value)
            click.echo(epoch_payload(document, _posting(value)))
        elif isinstance(value, NightSummary):
            click.echo(summary_payload(reading, value, final=True))
            click.echo("\n".join(summary_lines(value)), err=True)
    _compare(file, recording.start_utc, [epoch.stage for epoch in scored])


def _posting(epoch: ScoredEpoch) -> Posting:
    """Post an epoch the moment it is over; a file's stamps are no latency."""
    end = epoch.start_utc + timedelta(seconds=EPOCH_S)
    return Posting(seq=epoch.index, published=end)


def _compare(
    file: Path, start_utc: datetime | None, ours: list[Stage | Refusal]
) -> None:
    beside = find_hypnogram(file)
    if beside is None:
        return
    expert = read_hypnogram(beside, start_utc=start_utc, n_epochs=len(ours))
    click.echo(f"{beside.name}: {agreement_line(agreement(ours, expert))}", err=True)
