"""Labelled nights, scored exactly as the daemon and its report would score them."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from gateway.acquisition.montage import HeadbandInfo
from gateway.acquisition.packets import ClockTick, SamplePacket
from gateway.epoch_length import EPOCH_S
from gateway.offline.score_recording import NO_DATE, packets
from gateway.session.pipeline import Night
from gateway.staging.hmm_smoothing import second_pass
from gateway.staging.scored_epoch import ScoredEpoch, Scorer
from gateway.staging.stage import STAGES, Refusal
from training.data.labelled import LabelledNight
from training.evaluate.intervals import ScoredEpochs

MAINS_HZ = 50.0
REFUSED = (np.nan,) * len(STAGES)


def score_labelled(
    night: LabelledNight, scorer: Scorer, channels: Mapping[str, str] | None = None
) -> dict[str, ScoredEpochs]:
    """Return what `scorer` makes of every labelled epoch of a night.

    The samples go through the daemon's own objects, holes included, so refusals and
    context are those of a live night.

    Parameters
    ----------
    night : LabelledNight
    scorer : Scorer
    channels : mapping of str to str or None
        Derivation of each of the model's inputs, as in the configuration.

    Returns
    -------
    dict of str to ScoredEpochs
        ``"model"``, what the daemon publishes; of a model with a context head
        ``"model, each epoch alone"``; and ``"model, second pass"``, what the report
        shows when the night is over.

    Raises
    ------
    ConfigError
        If the night has no channel that the model can use.
    """
    first = min(night.recorded) if night.recorded else 0  # a session begins there
    chain = Night(scorer, channels or {}, MAINS_HZ)
    scored = {first + of.index: of for of in _scored(night, chain)}
    epochs = sorted(night.stages)
    live = [scored[at].hypnodensity if at in scored else () for at in epochs]
    found = {"model": _judged(night, epochs, live)}
    if scorer.card.context is not None:
        alone = [scored[at].raw_hypnodensity if at in scored else () for at in epochs]
        found["model, each epoch alone"] = _judged(night, epochs, alone)
    smoothed = _second_pass(scored)
    later = [smoothed.get(at, ()) for at in epochs]
    found["model, second pass"] = _judged(night, epochs, later)
    return found


def _second_pass(scored: Mapping[int, ScoredEpoch]) -> dict[int, tuple[float, ...]]:
    """Return each epoch's hypnodensity given the whole night; time passes in holes."""
    if not scored:
        return {}
    first, last = min(scored), max(scored)
    whole = [scored.get(at) for at in range(first, last + 1)]
    smoothed = second_pass(
        [Refusal.GAP if of is None else of.stage for of in whole],
        [() if of is None else of.hypnodensity for of in whole],
        [() if of is None else of.raw_hypnodensity for of in whole],
    )
    return dict(enumerate(smoothed.hypnodensity, first))


def _judged(
    night: LabelledNight, epochs: Sequence[int], answers: Sequence[tuple[float, ...]]
) -> ScoredEpochs:
    return ScoredEpochs(
        subjects=np.array([night.subject] * len(epochs)),
        true=np.array([STAGES.index(night.stages[at]) for at in epochs]),
        proba=np.array([answer or REFUSED for answer in answers], np.float64),
    )


def _scored(night: LabelledNight, chain: Night) -> Iterator[ScoredEpoch]:
    chain.tick(ClockTick(0.0, night.recording.start_utc or NO_DATE, synchronised=False))
    chain.begin(HeadbandInfo(night.recording.montage, boot_id=0))
    for packet in packets(night.recording):
        if _was_recorded(night, packet):
            for value in chain.push_packet(packet):
                if isinstance(value, ScoredEpoch):
                    yield value


def _was_recorded(night: LabelledNight, packet: SamplePacket) -> bool:
    if night.recorded is None:
        return True
    sfreq = night.recording.montage.streams[packet.stream].sfreq
    return int(packet.index // (EPOCH_S * sfreq)) in night.recorded
