"""AASM sleep stages and the codes other programs use for them."""

from enum import Enum


class Stage(Enum):
    """A scored 30-s epoch; the value is the AASM letter.

    Declared in the order of every hypnodensity in this project.
    """

    W = "W"
    N1 = "N1"
    N2 = "N2"
    N3 = "N3"
    R = "R"

    @property
    def edf_annotation(self) -> str:
        """Text of the EDF+ standard list."""
        return f"Sleep stage {self.value}"


STAGES = tuple(Stage)
YASA_CODE = {stage: code for code, stage in enumerate(STAGES)}
YASA_ARTEFACT, YASA_UNSCORED = -1, -2


def likeliest(hypnodensity: tuple[float, ...]) -> Stage:
    """Return the stage of the highest probability; of equal ones the first."""
    return STAGES[hypnodensity.index(max(hypnodensity))]


class Refusal(Enum):
    """Reasons to leave an epoch unscored; the value is the name in messages."""

    WARM_UP = "warmup"
    GAP = "gap"
    LOW_QUALITY = "low_quality"
    OFF_HEAD = "off_head"
    MODEL_ERROR = "model_error"
