"""Fit of a headband: contacts of its electrodes and of the model's inputs. Pure."""

from dataclasses import dataclass

from gateway.preprocessing.electrode_contact import Contact


@dataclass(frozen=True, slots=True)
class ElectrodeFit:
    """Channel of the headband and its contact; None where it cannot be judged."""

    label: str
    contact: Contact | None


@dataclass(frozen=True, slots=True)
class ModelInput:
    """Input of the model, and the derivation that makes it just now.

    Attributes
    ----------
    label : str
        The model's name for it, e.g. ``"EEG Fpz-Cz"``.
    derivation : str
        E.g. ``"AF7-TP9"``; empty where the headband cannot give it.
    contact : Contact or None
        Of the derivation; None where there is none, or it cannot be judged.
    """

    label: str
    derivation: str = ""
    contact: Contact | None = None


@dataclass(frozen=True, slots=True)
class Contacts:
    """Contacts of a headband's electrodes, by its last seconds.

    Attributes
    ----------
    electrodes : tuple of ElectrodeFit
        In the headband's order.
    inputs : tuple of ModelInput
        In the model's order.
    """

    electrodes: tuple[ElectrodeFit, ...]
    inputs: tuple[ModelInput, ...]


@dataclass(frozen=True, slots=True)
class StreamRate:
    """Samples per second of one stream; `measured_hz` is None for the first seconds."""

    nominal_hz: float
    measured_hz: float | None


@dataclass(frozen=True, slots=True)
class HeadbandFit(Contacts):
    """Fit of a headband while it is put on, and what arrives.

    Attributes
    ----------
    rates : tuple of StreamRate
        One per stream, of what has arrived since the connection began.
    lost_s : float
        Seconds that never arrived since then.
    """

    rates: tuple[StreamRate, ...]
    lost_s: float
