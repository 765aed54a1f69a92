"""Channel labels of recordings: modality, electrode sites, derivations, units. Pure.

Labels are compared without case and separators, so that ``EEG FPZ_CZ`` is ``EEG
Fpz-Cz``. Sites are those of the 10-10 system; M and A are the mastoids and ears.
"""

import re
from collections.abc import Iterable, Sequence

from gateway.acquisition.montage import Modality

MODALITIES = {
    m.value: m for m in (Modality.EEG, Modality.EOG, Modality.EMG, Modality.ECG)
}
SITE = re.compile(r"(NZ|IZ|(?:FP|AF|FC|FT|CP|TP|PO|F|C|T|P|O|A|M)(?:Z|\d{1,2}))")
EYE = re.compile(r"(E1|E2|LOC|ROC|LEOG|REOG)$")
COMMON = re.compile(r"(REF|LE|AVG|AV|G\d?|)$")  # a reference shared by all channels
APART = re.compile(r"[-_/:\s]+")
# what to offer for a frontal or central input, the nearest first
NEAREST = ("FPZ", "FP1", "FP2", "AFZ", "FZ", "F3", "F4", "F1", "F2", "CZ", "C3", "C4")
# microvolts of a unit, by its letters in lower case
IN_UV = {"n": 1e-3, "u": 1.0, "m": 1e3, "": 1e6}
MICRO = ("\u00c2\u00b5", "\u00ce\u00bc", "\u0083\u00ca", "\u00b5", "\u03bc", "micro")
UNIT = re.compile(r"([num]?)v(olts?)?")


def microvolts(dimension: str) -> float | None:
    """Return how many microvolts a unit is; None where it is no voltage.

    The micro sign may be in Latin-1, UTF-8 or Shift-JIS, read as Latin-1.

    >>> microvolts("uV"), microvolts("mVolt"), microvolts("mmHg")
    (1.0, 1000.0, None)
    """
    text = "".join(dimension.split()).lower()
    for sign in MICRO:
        text = text.replace(sign.lower(), "u")
    text = text.replace("milli", "m").replace("nano", "n")
    found = UNIT.fullmatch(text)
    return None if found is None else IN_UV[found[1]]


def canonical(label: str) -> str:
    """Return a label without case and separators, to be compared."""
    return APART.sub("", label).upper()


def modality_of(label: str) -> Modality | None:
    """Return the modality that a label begins with; None for none of ours."""
    return MODALITIES.get(label.partition(" ")[0].upper())


def guessed_modality(label: str) -> Modality | None:
    """Return the modality of a label that does not begin with it as a word.

    >>> guessed_modality("F4-A1"), guessed_modality("ROC-A2"), guessed_modality("SpO2")
    (<Modality.EEG: 'EEG'>, <Modality.EOG: 'EOG'>, None)
    """
    upper = label.upper()
    for word, modality in MODALITIES.items():
        if re.match(rf"{word}(?![A-Z])", upper):
            return modality
    parts = APART.split(upper.strip())
    if parts and EYE.match(parts[0]):
        return Modality.EOG
    if parts and all(SITE.fullmatch(part) for part in parts):
        return Modality.EEG
    return None


def site_of(label: str) -> str:
    """Return a label without its modality, sites written as the 10-20 system does.

    >>> site_of("EEG FPZ_CZ"), site_of("EOG horizontal")
    ('Fpz-Cz', 'horizontal')
    """
    word, _, rest = label.partition(" ")
    text = (rest if word.upper() in MODALITIES else label).strip()
    parts = APART.split(text.upper())
    if all(SITE.fullmatch(part) for part in parts):
        return "-".join(_capitals(part) for part in parts)
    return text


def _capitals(site: str) -> str:
    return site.replace("FP", "Fp").replace("Z", "z")


def electrode_of(label: str) -> str | None:
    """Return the electrode of a channel against a common reference; None for others.

    >>> electrode_of("EEG Fp1-Ref"), electrode_of("A2"), electrode_of("EEG F4-M1")
    ('FP1', 'A2', None)
    """
    word, _, rest = label.partition(" ")
    text = (rest if word.upper() in MODALITIES else label).strip().upper()
    first, *others = APART.split(text)
    if SITE.fullmatch(first) and len(others) <= 1 and all(map(COMMON.match, others)):
        return first
    return None


def find_label(wanted: str, labels: Iterable[str]) -> str | None:
    """Return the one of `labels` that is `wanted`; None if none or several are.

    Case and separators do not matter, nor a modality that only one of both names.
    """
    known = list(labels)
    if wanted in known:
        return wanted
    for alike in (canonical, _without_modality):
        found = [label for label in known if alike(label) == alike(wanted)]
        if len(found) == 1:
            return found[0]
    return None


def _without_modality(label: str) -> str:
    text = canonical(label)
    for word in MODALITIES:
        if text != word:
            text = text.removeprefix(word)
    return text


def find_difference(wanted: str, labels: Sequence[str]) -> tuple[str, str] | None:
    """Return the two of `labels` whose difference is `wanted`; None if none is.

    >>> find_difference("Fp1-A2", ["EEG Fp1-Ref", "EEG A2-Ref"])
    ('EEG Fp1-Ref', 'EEG A2-Ref')
    """
    for at in (m.start() for m in re.finditer("-", wanted)):
        halves = wanted[:at].strip(), wanted[at + 1 :].strip()
        found = [_half(half, labels) for half in halves]
        if found[0] and found[1] and found[0] != found[1]:
            return found[0], found[1]
    return None


def _half(text: str, labels: Sequence[str]) -> str | None:
    if label := find_label(text, labels):
        return label
    site = electrode_of(text)
    there = [x for x in labels if site is not None and electrode_of(x) == site]
    return there[0] if len(there) == 1 else None


def nearest(target: str, labels: Sequence[str]) -> str | None:
    """Return the channels of a file nearest to a model's input, for ``--channel``.

    >>> nearest("EEG Fpz-Cz", ["EEG C4-M1", "EEG F4-M1", "EOG"])
    'EEG F4-M1'
    >>> nearest("EEG Fpz-Cz", ["EEG Fpz-Ref", "EEG Cz-Ref"])
    'EEG Fpz-Ref - EEG Cz-Ref'
    """
    if pair := find_difference(site_of(target), labels):
        return " - ".join(pair)
    usable = [
        label
        for label in labels
        if (modality_of(label) or guessed_modality(label)) is Modality.EEG
    ]
    electrodes = {site: label for label in usable if (site := electrode_of(label))}
    fronts = [site for site in NEAREST if site in electrodes]
    backs = [site for site in ("A2", "M2", "A1", "M1", "CZ") if site in electrodes]
    if fronts and backs and fronts[0] != backs[0]:
        return f"{electrodes[fronts[0]]} - {electrodes[backs[0]]}"
    return min(usable, key=_distance, default=None)


def _distance(label: str) -> int:
    parts = APART.split(site_of(label).upper())
    return NEAREST.index(parts[0]) if parts[0] in NEAREST else len(NEAREST)
