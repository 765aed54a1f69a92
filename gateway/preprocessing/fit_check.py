"""From sample packets to how the headband sits, second by second. Pure."""

from collections.abc import Iterator

from gateway.acquisition.assembler import Assembler
from gateway.acquisition.montage import HeadbandInfo, Stream
from gateway.acquisition.packets import SamplePacket
from gateway.preprocessing.contact_monitor import ContactMonitor
from gateway.preprocessing.headband_fit import HeadbandFit, StreamRate

RATE_AFTER_S = 2.0  # before that, the bursts of the radio decide


class FitCheck:
    """Judge one connection's electrodes, once a second.

    Parameters
    ----------
    info : HeadbandInfo
        What the headband said of itself.
    watch : ContactMonitor
        Of its electrodes.
    """

    def __init__(self, info: HeadbandInfo, watch: ContactMonitor) -> None:
        self._watch = watch
        self._arrived = [_Arrived(stream) for stream in info.montage.streams]
        self._is_under_way = False
        self._assembler = Assembler(info.montage)
        self._assembler.link_up(info)

    def place(self, packet: SamplePacket) -> Iterator[HeadbandFit]:
        """Yield a `HeadbandFit` for each second that `packet` completes, but the first.

        The first was going on when the connection began.
        """
        self._arrived[packet.stream].add(packet)
        for block in self._assembler.push(packet):
            self._watch.push(block)
            if self._is_under_way:
                yield self._fit()
            self._is_under_way = True

    def _fit(self) -> HeadbandFit:
        contacts = self._watch.judge()
        return HeadbandFit(
            electrodes=contacts.electrodes,
            inputs=contacts.inputs,
            rates=tuple(arrived.rate for arrived in self._arrived),
            lost_s=self._assembler.tally().lost_s,
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
    def rate(self) -> StreamRate:
        passed_s = 0.0 if self._since is None else self._until - self._since
        if passed_s < RATE_AFTER_S:
            return StreamRate(self._nominal_hz, None)
        return StreamRate(self._nominal_hz, self._n_samples / passed_s)
