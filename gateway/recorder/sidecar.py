"""The JSON beside a recording: what its signals do not say. Pure.

To the schema ``formats/schemas/recording.v1.json``.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from gateway.edf.annotations import AnnotationCounts
from gateway.edf.fields import SECOND_US
from gateway.edf.header import KIND
from gateway.edf.record_writer import GAP, KEPT, UNRECORDED
from gateway.edf.session_writer import SessionWriter
from gateway.edf.signals import RecordLayout, label
from gateway.formats.json_fields import utc_text
from gateway.messages.outputs import Reading, SignalBegins


def facts_of(
    reading: Reading, begins: SignalBegins, layout: RecordLayout, software: str
) -> dict[str, Any]:
    """Return what does not change in the course of a session."""
    return {
        "v": 1,
        "format": KIND[layout.wide],
        "session": reading.session,
        "device": reading.device,
        "driver": begins.driver,
        "firmware": begins.info.firmware,
        "software": software,
        "start": utc_text(begins.start_utc),
        "clock_synchronised": begins.synchronised,
        "record_s": layout.record_us / SECOND_US,
        "channels": [
            {
                "label": label(channel),
                "stream": at,
                "sfreq_hz": stream.sfreq,
                "rough_rate": stream.rough_rate,
                "lsb_uv": channel.lsb_uv,
                "zero": channel.zero,
                "digital_min": channel.digital_min,
                "digital_max": channel.digital_max,
            }
            for at, stream in enumerate(layout.montage.streams)
            for channel in stream.channels
        ],
        "model": {"name": reading.model, "digest": reading.model_digest},
        "mains_hz": begins.mains_hz,
        "inputs": {name: list(texts) for name, texts in begins.derivations.items()},
    }


def sidecar(
    facts: Mapping[str, Any], file: str, night: SessionWriter, n_records: int
) -> bytes:
    """Return the document as it stands now.

    Parameters
    ----------
    facts : mapping
        From `facts_of`, or of an earlier document of the same session.
    file : str
        Name of the recording.
    night : SessionWriter
    n_records : int
        Data records in the file.
    """
    session, clock, account = night.session, night.clock, night.account
    ended = session.ended_utc if session is not None else None
    tally = asdict(night.tally)
    measured = {key: tally.pop(key) for key in ("sfreq_hz", "drift_ppm")}
    document = {
        **facts,
        "file": file,
        "state": "ended" if night.ended else "recording",
        "ended": None if ended is None else utc_text(ended),
        "lights_off": _moment(session and session.lights.off_utc),
        "lights_on": _moment(session and session.lights.on_utc),
        "data_records": n_records,
        "measured": measured,
        "clock": clock
        and {"file_s": clock.file_us / SECOND_US, "utc": utc_text(clock.utc)},
        "loss": tally,
        "annotated": annotated(account),
        "epochs": {"total": account.n_epochs, "scored": account.n_scored},
    }
    return json.dumps(document, indent=1).encode() + b"\n"


def annotated(account: AnnotationCounts) -> dict[str, float]:
    """Return what a file says of its own lacks, seconds, as documents name it."""
    return {
        "gap_s": account.missing_s(GAP),
        "unrecorded_s": account.missing_s(UNRECORDED),
        "unscored_s": account.missing_s(KEPT),
    }


def _moment(utc: Any) -> str | None:  # noqa: ANN401 (falls through `and`)
    return utc_text(utc) if utc else None
