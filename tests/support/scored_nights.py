"""Nights for whoever writes, reads or draws them."""

from datetime import UTC, datetime

from hypothesis import strategies as st

from gateway.staging.scored_night import PublishedEpoch, ScoredNight
from gateway.staging.stage import Refusal, Stage

START = datetime(2026, 2, 13, 22, 14, 30, tzinfo=UTC)


def staged(index, stage, *, missing_s=0.0, confidence=0.6):
    """Return an epoch of `stage` whose hypnodensity says so."""
    density = ()
    if isinstance(stage, Stage):
        rest = (1 - confidence) / 4
        density = tuple(confidence if s is stage else rest for s in Stage)
    return PublishedEpoch(
        index=index,
        stage=stage,
        hypnodensity=density,
        quality=0.0 if isinstance(stage, Refusal) else 1 - missing_s / 30,
        missing_s=missing_s,
        flaws=("gap",) if stage is Refusal.GAP else (),
        derivations={"EEG Fpz-Cz": "Fpz-Cz"},
    )


def night_of(stages, name="a night", **more):
    """Return a night of `stages`; those refused for a gap lost their samples."""
    more = {"start_utc": START, "dated": True, "device": "bedroom", **more}
    return ScoredNight(
        name=name,
        model="ulw-sleepnet-3ch-v1",
        model_digest="242d4e1aefb6",
        epochs=tuple(
            staged(i, stage, missing_s=30.0 if stage is Refusal.GAP else 0.0)
            for i, stage in enumerate(stages)
        ),
        **more,
    )


nights = st.builds(
    night_of,
    st.lists(st.sampled_from([*Stage, *Refusal]), max_size=60),
    name=st.text(max_size=20),
    dated=st.booleans(),
    notes=st.lists(st.text(max_size=30), max_size=2).map(tuple),
)
