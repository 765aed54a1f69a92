"""Contact monitor: electrodes of a headband, by the last seconds of signal. Pure."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gateway.acquisition.assembler import Assembler
from gateway.acquisition.montage import HeadbandInfo, Montage, Stream
from gateway.acquisition.packets import SampleBlock, SamplePacket
from gateway.preprocessing.contact_state import ContactState
from gateway.preprocessing.derivation import PlacedDerivation, resolve
from gateway.preprocessing.electrode_contact import (
    Contact,
    judge_channels,
    judge_contact,
)
from gateway.preprocessing.headband_fit import (
    Contacts,
    ElectrodeFit,
    HeadbandFit,
    ModelInput,
    StreamRate,
)
from gateway.preprocessing.signal_quality import railed_fraction

WINDOW_S = 4  # long enough for the mains, short enough to follow a hand
RATE_AFTER_S = 2.0  # before that, the bursts of the radio decide


@dataclass(frozen=True, slots=True, eq=False)
class _Choice:
    """Alternative derivation of one of the model's inputs."""

    text: str
    stream: int
    weights: NDArray[np.float32]
    sites: frozenset[str]


class ContactMonitor:
    """Judges one connection's electrodes by the last `WINDOW_S` seconds.

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

    def push_block(self, block: SampleBlock) -> None:
        """Add one second of samples."""
        self._blocks.append(block)
        while self._blocks[0].second <= block.second - WINDOW_S:
            self._blocks.popleft()

    def judge(self) -> Contacts:
        """Return the contacts; at least one block must have been added."""
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
    """Samples the electrode contacts now and then, connection by connection.

    Parameters
    ----------
    make : callable or None
        Makes the contact monitor of a montage; None: electrodes are not monitored.
    every_s : float
        Between two looks.
    """

    def __init__(
        self, make: Callable[[Montage], ContactMonitor] | None, every_s: float
    ) -> None:
        self._make = make
        self._every_s = every_s
        self._monitor: ContactMonitor | None = None
        self._t_looked = float("-inf")

    def begin(self, montage: Montage) -> None:
        """Begin a connection."""
        self._monitor = None if self._make is None else self._make(montage)

    def sample(self, block: SampleBlock, t: float) -> Contacts | None:
        """Add one second at monotonic time `t`; return contacts when due."""
        if self._monitor is None:
            return None
        self._monitor.push_block(block)
        if t - self._t_looked < self._every_s:
            return None
        self._t_looked = t
        return self._monitor.judge()


class FitCheck:
    """Checks how one connection's headband fits, once a second.

    Parameters
    ----------
    info : HeadbandInfo
        As the headband described itself.
    monitor : ContactMonitor
        Of its electrodes.
    """

    def __init__(self, info: HeadbandInfo, monitor: ContactMonitor) -> None:
        self._monitor = monitor
        self._arrived = [_Arrived(stream) for stream in info.montage.streams]
        self._is_under_way = False
        self._assembler = Assembler(info.montage)
        self._assembler.link_up(info)

    def push_packet(self, packet: SamplePacket) -> Iterator[HeadbandFit]:
        """Yield a `HeadbandFit` for each second that `packet` completes, but the first.

        The first was going on when the connection began.
        """
        self._arrived[packet.stream].add(packet)
        for block in self._assembler.push_packet(packet):
            self._monitor.push_block(block)
            if self._is_under_way:
                yield self._fit()
            self._is_under_way = True

    def _fit(self) -> HeadbandFit:
        contacts = self._monitor.judge()
        return HeadbandFit(
            electrodes=contacts.electrodes,
            inputs=contacts.inputs,
            rates=tuple(arrived.rate for arrived in self._arrived),
            lost_s=self._assembler.loss_counts().lost_s,
        )


class _Arrived:
    """Count of one stream's samples against the clock."""

    def __init__(self, stream: Stream) -> None:
        self._nominal_hz = stream.sfreq
        self._since: float | None = None
        self._until = 0.0
        self._n_samples = 0

    def add(self, packet: SamplePacket) -> None:
        if self._since is None:
            self._since = packet.t_rx  # what it holds was recorded before
        else:
            self._n_samples += packet.counts.shape[1]
        self._until = packet.t_rx

    @property
    def rate(self) -> StreamRate:
        passed_s = 0.0 if self._since is None else self._until - self._since
        if passed_s < RATE_AFTER_S:
            return StreamRate(self._nominal_hz, None)
        return StreamRate(self._nominal_hz, self._n_samples / passed_s)


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
