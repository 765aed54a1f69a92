"""Names of sleep stages as programs and people write them. Pure.

After the remapping tables of Luna (https://zzz.bwh.harvard.edu/luna/ref/annotations)
and the standard texts of EDF+. Rechtschaffen and Kales' stages 3 and 4 are N3, as the
AASM manual merges them.
"""

import re
from types import MappingProxyType

from gateway.staging.stage import Stage

PREFIX = re.compile(r"^(sleep\s*)?stages?\b[\s:=-]*|^sleep\s+(?=\S)")
SUFFIX = re.compile(
    r"\s*(\|\s*\d+)?\s*(@@.*)?$"
)  # a code of Profusion; an EDF+ channel
LOOKS_LIKE = re.compile(r"(sleep\s*)?stage\b|n?rem\s*\d|[ns]\d$", re.IGNORECASE)
NREM = {"1": Stage.N1, "2": Stage.N2, "3": Stage.N3, "4": Stage.N3}
NREM_NAME = re.compile(r"(?:n|s|nrem|nr|non rem)\s*([1-4])(?:\s*sleep)?")
BARE: MappingProxyType[str, Stage | None] = MappingProxyType(
    {
        **dict.fromkeys(("w", "wake", "awake", "wakefulness", "wk"), Stage.W),
        **dict.fromkeys(("r", "rem", "rem sleep"), Stage.R),
        **dict.fromkeys(("unscored", "movement time", "movement", "mt")),
    }
)
# behind "Sleep stage " or in a column of stages alone, where they can mean nothing else
OTHERS: MappingProxyType[str, Stage | None] = MappingProxyType(
    {
        **NREM,
        **dict.fromkeys(("1 sleep",), Stage.N1),
        **dict.fromkeys(("2 sleep",), Stage.N2),
        **dict.fromkeys(("3 sleep", "4 sleep", "sws", "n3n4", "n3/n4"), Stage.N3),
        **dict.fromkeys(("", "?", "-", "m", "u", "x", "n/a", "na", "nan", "none")),
        **dict.fromkeys(("uns", "art", "artefact", "artifact", "unknown", "ns")),
        **dict.fromkeys(("undefined", "no stage", "not scored", "e", "a")),
    }
)


def has_prefix(text: str) -> bool:
    """Return whether a text begins like the standard's ``"Sleep stage W"``."""
    return re.match(r"\s*(sleep\s*)?stages?\b", text, re.IGNORECASE) is not None


def looks_like_stage(text: str) -> bool:
    """Return whether a text is meant for a stage, known or not."""
    return LOOKS_LIKE.match(text.strip()) is not None


def is_stage(text: str, *, alone: bool = False) -> bool:
    """Return whether `text` is a known name of a stage, or of none.

    Parameters
    ----------
    text : str
    alone : bool
        It stands in a column of stages, where ``"1"`` or ``"?"`` mean a stage too.
    """
    return _found(text, alone=alone) is not None


def stage_of(text: str, *, alone: bool = False) -> Stage | None:
    """Return the stage of a name; None for unscored time and movement.

    >>> stage_of("Sleep stage N4@@EEG F4-A1"), stage_of("NREM 2"), stage_of("Wake|0")
    (<Stage.N3: 'N3'>, <Stage.N2: 'N2'>, <Stage.W: 'W'>)

    Raises
    ------
    ValueError
        If it is none.
    """
    found = _found(text, alone=alone)
    if found is None:
        raise ValueError(f"{text!r} is no stage")
    return found[0]


def _found(text: str, *, alone: bool) -> tuple[Stage | None] | None:
    plain = SUFFIX.sub("", " ".join(text.replace("_", " ").split()).lower()).strip()
    alone = alone or has_prefix(plain)
    plain = PREFIX.sub("", plain).strip()
    if plain in BARE:
        return (BARE[plain],)
    if named := NREM_NAME.fullmatch(plain):
        return (NREM[named[1]],)
    if alone and plain in OTHERS:
        return (OTHERS[plain],)
    return None
