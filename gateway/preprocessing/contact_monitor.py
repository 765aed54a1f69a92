"""How a headband sits, from the last seconds of its own signal. Pure."""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gateway.acquisition.montage import Montage, Stream
from gateway.acquisition.packets import SampleBlock
from gateway.preprocessing.contact_state import ContactState
from gateway.preprocessing.derivation import PlacedDerivation, resolve
from gateway.preprocessing.electrode_contact import (
    Contact,
    judge_channels,
    judge_contact,
)
from gateway.preprocessing.headband_fit import Contacts, ElectrodeFit, ModelInput
from gateway.preprocessing.signal_quality import railed_fraction

WINDOW_S = 4  # long enough for the mains, short enough to follow a hand


@dataclass(frozen=True, slots=True, eq=False)
class _Choice:
    """A way to make one of the model's inputs."""

    text: str
    stream: int
    weights: NDArray[np.float32]
    sites: frozenset[str]


class ContactMonitor:
    """Judge one connection's electrodes by the last `WINDOW_S` seconds.

    Parameters
    ----------
    montage : Montage
    labels : tuple of str
        The model's inputs.
    configured : mapping of str to str
        Derivation of each, as in the configuration.
    offered : mapping of str to tuple of str
        The driver's derivations, best first, for inputs that are not in `configured`.
    mains_hz : float

    Raises
    ------
    ConfigError
        If a configured derivation cannot be made.
    """

    def __init__(
        self,
        montage: Montage,
        labels: tuple[str, ...],
        configured: Mapping[str, str],
        offered: Mapping[str, tuple[str, ...]],
        mains_hz: float,
    ) -> None:
        self._montage = montage
        self._mains_hz = mains_hz
        self._choices = _choices(labels, configured, offered, montage)
        self._blocks: deque[SampleBlock] = deque()

    def push(self, block: SampleBlock) -> None:
        """Take one second."""
        self._blocks.append(block)
        while self._blocks[0].second <= block.second - WINDOW_S:
            self._blocks.popleft()

    def judge(self) -> Contacts:
        """Judge what was pushed; at least one block must have been."""
        contacts: dict[str, Contact | None] = {}
        signals = []
        for at, stream in enumerate(self._montage.streams):
            uv = np.concatenate([block.uv[at] for block in self._blocks], axis=1)
            present = np.concatenate([block.present[at] for block in self._blocks])
            signals.append((uv, present))
            judged = judge_channels(uv, present, stream, self._mains_hz)
            labels = (channel.label for channel in stream.channels)
            contacts.update(zip(labels, judged, strict=True))
        inputs = []
        for label, choices in self._choices.items():
            chosen = _best(choices, contacts)
            if chosen is None:
                inputs.append(ModelInput(label))
                continue
            stream = self._montage.streams[chosen.stream]
            contact = self._derived(*signals[chosen.stream], stream, chosen)
            inputs.append(ModelInput(label, chosen.text, contact))
        electrodes = tuple(ElectrodeFit(*item) for item in contacts.items())
        return Contacts(electrodes, tuple(inputs))

    def _derived(
        self,
        uv: NDArray[np.float32],
        present: NDArray[np.bool_],
        stream: Stream,
        choice: _Choice,
    ) -> Contact | None:
        return judge_contact(
            choice.weights @ uv,
            present,
            railed=railed_fraction(uv[:, present], stream, choice.weights),
            sfreq=stream.sfreq,
            mains_hz=self._mains_hz,
        )


class ContactSampler:
    """Looks at the electrodes now and then, connection by connection.

    Parameters
    ----------
    make : callable or None
        Makes what judges the electrodes of a montage; None: nobody looks at them.
    every_s : float
        Between two looks.
    """

    def __init__(
        self, make: Callable[[Montage], ContactMonitor] | None, every_s: float
    ) -> None:
        self._make = make
        self._every_s = every_s
        self._watch: ContactMonitor | None = None
        self._t_looked = float("-inf")

    def begin(self, montage: Montage) -> None:
        """Begin a connection."""
        self._watch = None if self._make is None else self._make(montage)

    def look(self, block: SampleBlock, t: float) -> Contacts | None:
        """Take one second at monotonic time `t`; return the verdict when it is due."""
        if self._watch is None:
            return None
        self._watch.push(block)
        if t - self._t_looked < self._every_s:
            return None
        self._t_looked = t
        return self._watch.judge()


def _choices(
    labels: tuple[str, ...],
    configured: Mapping[str, str],
    offered: Mapping[str, tuple[str, ...]],
    montage: Montage,
) -> dict[str, list[_Choice]]:
    """List the ways to make each input, best first."""
    montager = resolve(labels, configured, montage, offered)
    return {
        label: [_choice(placed, montage) for placed in alternatives]
        for label, alternatives in zip(labels, montager.alternatives, strict=True)
    }


def _choice(placed: PlacedDerivation, montage: Montage) -> _Choice:
    channels = zip(montage.streams[placed.stream].channels, placed.weights, strict=True)
    used = frozenset(channel.label for channel, weight in channels if weight)
    return _Choice(placed.text, placed.stream, placed.weights, used)


def _best(
    choices: list[_Choice], contacts: Mapping[str, Contact | None]
) -> _Choice | None:
    """Return the first choice whose electrodes are all on, else the first."""
    off = {
        site
        for site, contact in contacts.items()
        if contact and contact.state is ContactState.OFF
    }
    for choice in choices:
        if not choice.sites & off:
            return choice
    return choices[0] if choices else None
