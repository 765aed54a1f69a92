"""Fit of a headband, as text and as JSON. Pure.

JSON keeps to ``schemas/fit.v1.json``.
"""

import json
from math import log10
from typing import NamedTuple

from gateway.preprocessing.contact_state import ContactState
from gateway.preprocessing.electrode_contact import Contact
from gateway.preprocessing.headband_fit import (
    ElectrodeFit,
    HeadbandFit,
    ModelInput,
    StreamRate,
)
from gateway.staging.epoch_scoring import EEG

BAR_WIDTH = 12
FULL_UV = 1000.0  # a full bar; the scale is logarithmic from 1 uV
OFF_ADVICE = "off the skin: part the hair, moisten the skin, press the band on"
EIGHTHS = " ▏▎▍▌▋▊▉█"
LEAST_RAILED = 0.01  # railed samples
LEAST_MAINS = 0.3  # share of the power


class FitLine(NamedTuple):
    """Line of text, and the contact state that its colour stands for."""

    text: str
    state: ContactState | None = None


def fit_lines(fit: HeadbandFit, battery_percent: int | None) -> list[FitLine]:
    """Draw a bar per electrode and per input of the model, then the advice."""
    width = max(len(each.label) for each in _both(fit))
    return [
        FitLine(stream_line(fit, battery_percent)),
        FitLine(""),
        *(_bar_line(each.label, each.contact, width) for each in fit.electrodes),
        FitLine(""),
        *(_input_line(each, width) for each in fit.inputs),
        FitLine(""),
        *(FitLine(text) for text in advice(fit)),
    ]


def fit_line(fit: HeadbandFit) -> str:
    """Write the electrodes and the model's inputs on one line."""
    return "   ".join(
        f"{each.label} {_words(each.contact)}" for each in _both(fit) if each.contact
    )


def stream_line(fit: HeadbandFit, battery_percent: int | None) -> str:
    """Write the rate of each stream, what was lost, and the battery."""
    rates = " and ".join(map(_rate, fit.rates))
    battery = "" if battery_percent is None else f"   battery {battery_percent} %"
    return f"{rates} samples/s   {fit.lost_s:.2f} s lost{battery}"


def advice(fit: HeadbandFit) -> list[str]:
    """Return whether the EEG can be scored, then advice for a better contact."""
    states = {e.label: e.contact.state for e in fit.electrodes if e.contact}
    off = [label for label, state in states.items() if state is ContactState.OFF]
    fair = [label for label, state in states.items() if state is ContactState.FAIR]
    eeg = [each.contact for each in fit.inputs if each.label.startswith(EEG)]
    usable = any(contact and contact.state is not ContactState.OFF for contact in eeg)
    lines = [
        "ready: the EEG can be scored"
        if usable
        else "not ready: no EEG channel has contact"
    ]
    if off:
        lines.append(f"{', '.join(off)} {OFF_ADVICE}")
    if fair:
        lines.append(f"{', '.join(fair)} fair: wait a minute, or moisten the skin")
    return lines


def fit_json(fit: HeadbandFit, battery_percent: int | None) -> str:
    """Write one line of JSON."""
    return json.dumps(
        {
            "electrodes": [
                {"label": each.label, **_document(each.contact)}
                for each in fit.electrodes
            ],
            "inputs": [
                {
                    "label": each.label,
                    "derivation": each.derivation or None,
                    **_document(each.contact),
                }
                for each in fit.inputs
            ],
            "streams": [
                {"nominal_hz": rate.nominal_hz, "measured_hz": _rounded(rate)}
                for rate in fit.rates
            ],
            "lost_s": round(fit.lost_s, 3),
            "battery_percent": battery_percent,
        },
        allow_nan=False,
    )


def _both(fit: HeadbandFit) -> list[ElectrodeFit | ModelInput]:
    return [*fit.electrodes, *fit.inputs]


def _document(contact: Contact | None) -> dict[str, object]:
    if contact is None:
        return dict.fromkeys(("state", "rms_uv", "mains_ratio", "railed"))
    return {
        "state": contact.state.value,
        "rms_uv": round(contact.rms_uv, 1),
        "mains_ratio": round(contact.mains_ratio, 3),
        "railed": round(contact.railed, 3),
    }


def _rounded(rate: StreamRate) -> float | None:
    return None if rate.measured_hz is None else round(rate.measured_hz, 2)


def _rate(rate: StreamRate) -> str:
    measured = "?" if rate.measured_hz is None else f"{rate.measured_hz:.1f}"
    return f"{measured} of {rate.nominal_hz:g}"


def _bar_line(label: str, contact: Contact | None, width: int) -> FitLine:
    if contact is None:
        return FitLine(f"{label:<{width}}  sampled too slowly to measure contact")
    shares = f"mains {contact.mains_ratio:4.0%}  railed {contact.railed:4.0%}"
    return _contact_line(label, contact, width, shares)


def _input_line(each: ModelInput, width: int) -> FitLine:
    if not each.derivation:
        return FitLine(f"{each.label:<{width}}  this headband has no such channel")
    if each.contact is None:
        return _bar_line(each.label, None, width)
    return _contact_line(each.label, each.contact, width, each.derivation)


def _contact_line(label: str, contact: Contact, width: int, more: str) -> FitLine:
    bar, state = _bar(contact.rms_uv), contact.state
    text = f"{label:<{width}}  {bar}  {state.value:<4}  {contact.rms_uv:5.0f} uV"
    return FitLine(f"{text}  {more}", state)


def _bar(rms_uv: float) -> str:
    share = log10(min(max(rms_uv, 1.0), FULL_UV)) / log10(FULL_UV)
    eighths = round(share * BAR_WIDTH * 8)
    bar = "█" * (eighths // 8) + EIGHTHS[eighths % 8].strip()
    return f"{bar:<{BAR_WIDTH}}"


def _words(contact: Contact) -> str:
    words = f"{contact.state.value} {contact.rms_uv:.0f} uV"
    if contact.mains_ratio > LEAST_MAINS:
        words += f" ({contact.mains_ratio:.0%} mains)"
    if contact.railed > LEAST_RAILED:
        words += f" ({contact.railed:.0%} railed)"
    return words
