"""From sample packets to how the headband sits, second by second. Pure."""

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gateway.acquisition.assemble import Assembler
from gateway.acquisition.montage import HeadbandInfo, Montage, Stream
from gateway.acquisition.packets import Block, SamplePacket
from gateway.preprocessing.contact import Contact, Grip, judge_channels, judge_contact
from gateway.preprocessing.derivation import Placed, resolve
from gateway.preprocessing.fit import Electrode, Fit, ModelInput, Rate
from gateway.preprocessing.quality import railed_fraction

WINDOW_S = 4  # long enough for the mains, short enough to follow a hand
RATE_AFTER_S = 2.0  # before that, the bursts of the radio decide


@dataclass(frozen=True, slots=True, eq=False)
class _Choice:
    """A way to make one of the model's inputs."""

    text: str
    stream: int
    weights: NDArray[np.float32]
    sites: frozenset[str]


class Fitting:
    """Judge one connection's electrodes, once a second.

    Parameters
    ----------
    info : HeadbandInfo
        What the headband said of itself.
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
        info: HeadbandInfo,
        labels: tuple[str, ...],
        configured: Mapping[str, str],
        offered: Mapping[str, tuple[str, ...]],
        mains_hz: float,
    ) -> None:
        self._montage = info.montage
        self._mains_hz = mains_hz
        self._choices = _choices(labels, configured, offered, info.montage)
        self._blocks: deque[Block] = deque()
        self._arrived = [_Arrived(stream) for stream in info.montage.streams]
        self._assembler = Assembler(info.montage)
        self._assembler.link_up(info)

    def place(self, packet: SamplePacket) -> Iterator[Fit]:
        """Yield a `Fit` for each second that `packet` completes, but the first.

        The first was going on when the connection began.
        """
        self._arrived[packet.stream].add(packet)
        for block in self._assembler.push(packet):
            is_first = not self._blocks
            self._blocks.append(block)
            while self._blocks[0].second <= block.second - WINDOW_S:
                self._blocks.popleft()
            if not is_first:
                yield self._fit()

    def _fit(self) -> Fit:
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
        return Fit(
            electrodes=tuple(Electrode(*item) for item in contacts.items()),
            inputs=tuple(inputs),
            rates=tuple(arrived.rate for arrived in self._arrived),
            lost_s=self._assembler.tally().lost_s,
        )

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


class _Arrived:
    """Counts one stream's samples against the clock."""

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
    def rate(self) -> Rate:
        passed_s = 0.0 if self._since is None else self._until - self._since
        if passed_s < RATE_AFTER_S:
            return Rate(self._nominal_hz, None)
        return Rate(self._nominal_hz, self._n_samples / passed_s)


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


def _choice(placed: Placed, montage: Montage) -> _Choice:
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
        if contact and contact.state is Grip.OFF
    }
    for choice in choices:
        if not choice.sites & off:
            return choice
    return choices[0] if choices else None
