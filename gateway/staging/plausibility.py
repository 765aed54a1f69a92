"""Plausibility checks of a whole night's hypnogram, as warnings for people. Pure."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence

from gateway.acquisition.montage import Modality, Montage
from gateway.preprocessing.filtering import Band
from gateway.staging.stage import Refusal, Stage

MOST = 0.5  # of the epochs
LONGEST_H = 16.0
ONE_STAGE = 0.9
EPOCHS_PER_H = 120
HINTS = {
    "flat": "no signal, or its unit in the header is larger than the true one",
    "wild": "amplitudes no scalp produces: its unit or physical range is wrong, or the "
    "electrodes were off",
    "railed": "the converter was at its limits: its digital range is wrong, or the "
    "electrodes were off",
    "gap": "samples are missing",
}


def plausibility_warnings(
    stages: Sequence[Stage | Refusal],
    flaws: Sequence[Collection[str]],
    montage: Montage,
    band: Band,
    in_bed: slice | range | None = None,
) -> tuple[str, ...]:
    """Return warnings that a reader of the hypnogram needs.

    Parameters
    ----------
    stages : sequence of Stage or Refusal
        One per epoch.
    flaws : sequence of collection of str
        Flaws of any derivation of each epoch, as named in messages.
    montage : Montage
        Channels recorded.
    band : Band
        Frequencies that the model was trained on.
    in_bed : slice or range, or None
        The epochs that count as time in bed; None for all.
    """
    first, end = (0, len(stages)) if in_bed is None else (in_bed.start, in_bed.stop)
    return (
        *_slow(montage, band),
        *_refused(stages, flaws),
        *_long(end - first),
        *_uniform(stages),
    )


def _slow(montage: Montage, band: Band) -> Iterator[str]:
    for stream in montage.streams:
        labels = [c.label for c in stream.channels if c.modality is Modality.EEG]
        if labels and stream.sfreq < 2 * band.high_pass_hz:
            yield (
                f"EEG {', '.join(labels)} at {stream.sfreq:g} Hz holds nothing above "
                f"{stream.sfreq / 2:g} Hz; the model was trained up to "
                f"{band.high_pass_hz:g} Hz"
            )


def _refused(
    stages: Sequence[Stage | Refusal], flaws: Sequence[Collection[str]]
) -> Iterator[str]:
    n_epochs = len(stages)
    refused = [i for i, stage in enumerate(stages) if isinstance(stage, Refusal)]
    if not n_epochs:
        yield "shorter than one epoch of 30 s: nothing was scored"
    elif len(refused) > MOST * n_epochs:
        known = Counter(f for i in refused for f in flaws[i] if f in HINTS)
        why = "".join(f"; {HINTS[flaw]}" for flaw, _ in known.most_common(1))
        yield f"{len(refused)} of {n_epochs} epochs were not scored{why}"


def _long(n_in_bed: int) -> Iterator[str]:
    if n_in_bed > LONGEST_H * EPOCHS_PER_H:
        yield (
            f"{n_in_bed / EPOCHS_PER_H:.1f} hours count as time in bed: lights off and "
            "on were not marked, or not near each other"
        )


def _uniform(stages: Sequence[Stage | Refusal]) -> Iterator[str]:
    scored = Counter(stage for stage in stages if isinstance(stage, Stage))
    if scored.total() < EPOCHS_PER_H:
        return
    (stage, n_epochs), *_ = scored.most_common(1)
    if n_epochs > ONE_STAGE * scored.total():
        yield (
            f"{n_epochs} of {scored.total()} scored epochs are {stage.value}: check "
            "the signal"
        )
