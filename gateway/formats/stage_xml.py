"""Hypnograms in XML: Compumedics Profusion and the NSRR. Pure.

Profusion's ``CMPStudyConfig`` has an ``EpochLength`` and a ``SleepStage`` for each
epoch, 0 to 5 and 9; the NSRR's ``PSGAnnotation`` has ``ScoredEvent`` with a type
``Stages|Stages``, a concept like ``Stage 2 sleep|2``, start and duration
(https://github.com/nsrr/edf-editor-translator/wiki). No document type, and so no
entity, is accepted.
"""

from dataclasses import dataclass, field
from math import isfinite
from xml.parsers import expat

from gateway.formats.stage_table import LONGEST_S, StageSpan
from gateway.staging.stage import Stage
from gateway.staging.stage_names import is_stage, looks_like_stage, stage_of

# of Rechtschaffen and Kales, as Profusion numbers them; 6 is movement, 9 unscored
PROFUSION = {
    "0": Stage.W,
    "1": Stage.N1,
    "2": Stage.N2,
    "3": Stage.N3,
    "4": Stage.N3,
    "5": Stage.R,
    "6": None,
    "9": None,
}
STAGES = "stages"
DEEPEST = 32


@dataclass(slots=True)
class _Content:
    """Texts of a document, as they are met."""

    path: list[str] = field(default_factory=list)
    text: str = ""
    epoch_s: str = ""
    stages: list[str] = field(default_factory=list)
    event: dict[str, str] = field(default_factory=dict)
    events: list[dict[str, str]] = field(default_factory=list)

    def begin(self, name: str, _attributes: object) -> None:
        if len(self.path) >= DEEPEST:
            raise ValueError("nested too deeply for a hypnogram")
        self.path.append(name)
        self.text = ""
        if name == "ScoredEvent":
            self.event = {}

    def characters(self, text: str) -> None:
        self.text += text

    def end(self, name: str) -> None:
        self.path.pop()
        parent = self.path[-1] if self.path else ""
        text, self.text = self.text.strip(), ""
        if name == "SleepStage":
            self.stages.append(text)
        elif name == "EpochLength" and len(self.path) == 1:
            self.epoch_s = text
        elif name == "ScoredEvent":
            self.events.append(self.event)
        elif parent == "ScoredEvent":
            self.event[name] = text


def read_stage_xml(content: bytes) -> list[StageSpan]:
    """Return the stages of a Profusion or NSRR document.

    Raises
    ------
    ValueError
        If it is neither, has a document type, or a stage that is not known.
    """
    found = _Content()
    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = _refuse
    parser.StartElementHandler = found.begin
    parser.EndElementHandler = found.end
    parser.CharacterDataHandler = found.characters
    try:
        parser.Parse(content, True)  # noqa: FBT003 (expat takes it by place)
    except expat.ExpatError as error:
        raise ValueError(f"no XML: {error}") from error
    if found.stages:
        return _profusion(found)
    spans = [
        span for n, event in enumerate(found.events, 1) for span in _scored(event, n)
    ]
    if not spans:
        raise ValueError(
            "no SleepStage, as Profusion writes, and no ScoredEvent of the type "
            "Stages|Stages, as the NSRR writes"
        )
    return spans


def _refuse(*_declared: object) -> None:
    raise ValueError("a document type is declared, which no hypnogram needs")


def _profusion(found: _Content) -> list[StageSpan]:
    epoch_s = _seconds(found.epoch_s or "30", "EpochLength")
    if not epoch_s:
        raise ValueError("EpochLength is 0")
    for n, word in enumerate(found.stages, 1):
        if word not in PROFUSION:
            raise ValueError(f"SleepStage {n} is {word!r}; known are 0 to 6 and 9")
    return [
        StageSpan(n * epoch_s, epoch_s, PROFUSION[word], f"SleepStage {n + 1}")
        for n, word in enumerate(found.stages)
    ]


def _scored(event: dict[str, str], number: int) -> list[StageSpan]:
    concept = event.get("EventConcept", "")
    kind = event.get("EventType", "").partition("|")[0].lower()
    named = kind == STAGES or (not kind and looks_like_stage(concept))
    if not named:
        return []
    where = f"ScoredEvent {number}"
    if not is_stage(concept, alone=True):
        raise ValueError(f"{where}: {concept!r} is no stage")
    start_s = _seconds(event.get("Start", ""), f"{where}, Start")
    duration_s = _seconds(event.get("Duration", ""), f"{where}, Duration")
    stage = stage_of(concept, alone=True)
    return [StageSpan(start_s, duration_s, stage, f"{concept!r} ({where})")]


def _seconds(text: str, where: str) -> float:
    try:
        value = float(text)
    except ValueError as error:
        raise ValueError(f"{where}: {text!r} are no seconds") from error
    if not (isfinite(value) and 0 <= value <= LONGEST_S):
        raise ValueError(f"{where}: {text} s; check it")
    return value
