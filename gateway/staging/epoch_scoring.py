"""Scoring of one epoch, or the reason why it stays unscored. Pure."""

from collections.abc import Mapping
from typing import NamedTuple

from gateway.acquisition.montage import Montage
from gateway.errors import ConfigError, ModelError
from gateway.preprocessing.derivation import DerivationPicker, resolve
from gateway.preprocessing.epoching import Epoch
from gateway.preprocessing.signal_quality import Flaw, Quality
from gateway.staging.context import Context, Hypnodensity
from gateway.staging.scored_epoch import Scorer
from gateway.staging.stage import Refusal, Stage, likeliest

EEG = "EEG "  # how EDF+ labels of electroencephalograms begin


class EpochScore(NamedTuple):
    """Stage and probabilities of an epoch.

    Attributes
    ----------
    stage : Stage or Refusal
    hypnodensity : tuple of float
        Probabilities of W, N1, N2, N3, R; empty if refused.
    raw : tuple of float
        The same by the epoch alone.
    """

    stage: Stage | Refusal
    hypnodensity: Hypnodensity = ()
    raw: Hypnodensity = ()


class EpochScorer:
    """Scorer of one night's epochs, each in the context of those before it.

    Parameters
    ----------
    scorer : Scorer
        Without a context head, every epoch is staged by itself.
    """

    def __init__(self, scorer: Scorer) -> None:
        head = scorer.card.context
        self._scorer = scorer
        self._context = None if head is None else Context(head.n_epochs)

    def score_epoch(self, epoch: Epoch) -> EpochScore:
        """Stage `epoch` or refuse it; later than any before it."""
        stage, raw = score_or_refuse(epoch, self._scorer)
        if self._context is None:
            return EpochScore(stage, raw, raw)
        self.remember(epoch.index, raw)
        if not raw:
            return EpochScore(stage)
        try:
            hypnodensity = self._scorer.in_context(self._context.codes())
        except ModelError:
            return EpochScore(Refusal.MODEL_ERROR)
        return EpochScore(likeliest(hypnodensity), hypnodensity, raw)

    def remember(self, index: int, raw: Hypnodensity) -> None:
        """Add an epoch that was scored earlier to the context, without staging it.

        A night that continues after a restart then has the stages that it would have
        had without it.

        Parameters
        ----------
        index : int
        raw : tuple of float
            ``ScoredEpoch.raw_hypnodensity``; empty if it was refused.
        """
        if self._context is not None:
            self._context.push(index, raw)


def score_or_refuse(
    epoch: Epoch, scorer: Scorer
) -> tuple[Stage | Refusal, tuple[float, ...]]:
    """Return the stage and the hypnodensity, or a refusal and nothing.

    Sleep is staged by its EEG (AASM manual 2.6), so an epoch is scored as long as
    one EEG derivation is without flaw; flawed derivations are zeros, which the
    model was trained to do without.

    Parameters
    ----------
    epoch : Epoch
        Its derivations in the order of the card's channels.
    scorer : Scorer

    Returns
    -------
    tuple of (Stage, tuple of float)
        The likeliest stage and the probabilities of W, N1, N2, N3, R.
    tuple of (Refusal, empty tuple)
        `Refusal.GAP` if every EEG derivation the headband has lost more than a
        fifth of its samples; if none is usable for another reason,
        `Refusal.OFF_HEAD` where no EEG electrode was on the head, else
        `Refusal.LOW_QUALITY`; `Refusal.MODEL_ERROR` if the runtime failed.
    """
    refusal = _unfit(epoch, _eeg(epoch, scorer))
    if refusal is not None:
        return refusal, ()
    try:
        hypnodensity = scorer.hypnodensity(epoch)
    except ModelError:  # one bad inference must not end the night
        return Refusal.MODEL_ERROR, ()
    return likeliest(hypnodensity), hypnodensity


def scorable(
    labels: tuple[str, ...],
    texts: Mapping[str, str],
    montage: Montage,
    offered: Mapping[str, tuple[str, ...]],
) -> DerivationPicker:
    """Find each of the model's inputs among the channels, EEG with them.

    Parameters
    ----------
    labels, texts, montage, offered
        As for `resolve`.

    Raises
    ------
    ConfigError
        If a derivation asked for cannot be made, or no EEG.
    """
    picker = resolve(labels, texts, montage, offered)
    if not offers_eeg(picker):
        raise ConfigError([nothing_to_score(montage, labels)])
    return picker


def offers_eeg(picker: DerivationPicker) -> bool:
    """Return whether one EEG input of the model is there: no stage without EEG."""
    return any(
        there and label.startswith(EEG)
        for label, there in zip(picker.labels, picker.alternatives, strict=True)
    )


def nothing_to_score(montage: Montage, wanted: tuple[str, ...]) -> str:
    """Return an error text: the headband's channels, and the inputs to make of them."""
    offered = [c.label for stream in montage.streams for c in stream.channels]
    return (
        f"channels: the headband gives {', '.join(offered)}; say which of them "
        f"make {' or '.join(wanted)}"
    )


def _eeg(epoch: Epoch, scorer: Scorer) -> list[Quality]:
    """Return the quality of each EEG derivation that the headband has."""
    labelled = zip(scorer.card.channels, epoch.quality, strict=True)
    return [
        quality
        for label, quality in labelled
        if label.startswith(EEG) and Flaw.ABSENT not in quality.flaws
    ]


def _unfit(epoch: Epoch, eeg: list[Quality]) -> Refusal | None:
    if any(not quality.flaws for quality in eeg):
        return None
    if eeg and all(Flaw.GAP in quality.flaws for quality in eeg):
        return Refusal.GAP
    return Refusal.OFF_HEAD if epoch.off_head else Refusal.LOW_QUALITY
