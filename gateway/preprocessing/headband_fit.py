"""How a headband sits: its electrodes, and what the model gets of them. Pure."""

from dataclasses import dataclass

from gateway.preprocessing.electrode_contact import Contact


@dataclass(frozen=True, slots=True)
class ElectrodeFit:
    """One channel of the headband, and how it sits; None where that cannot be told."""

    label: str
    contact: Contact | None


@dataclass(frozen=True, slots=True)
class ModelInput:
    """One input of the model, and what it is made of just now.

    Attributes
    ----------
    label : str
        The model's name for it, e.g. ``"EEG Fpz-Cz"``.
    derivation : str
        E.g. ``"AF7-TP9"``; empty where the headband cannot give it.
    contact : Contact or None
        Of the derivation; None where there is none, or it cannot be told.
    """

    label: str
    derivation: str = ""
    contact: Contact | None = None


@dataclass(frozen=True, slots=True)
class Contacts:
    """How a headband sits, by its last seconds.

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
    """Samples per second of one stream; `measured_hz` is None until it can be told."""

    nominal_hz: float
    measured_hz: float | None


@dataclass(frozen=True, slots=True)
class HeadbandFit(Contacts):
    """How a headband sits while it is put on, and what arrives.

    Attributes
    ----------
    rates : tuple of StreamRate
        One per stream, of what has arrived since the connection began.
    lost_s : float
        Seconds that never arrived since then.
    """

    rates: tuple[StreamRate, ...]
    lost_s: float
