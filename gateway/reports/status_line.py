"""How the night goes, in one line: what systemctl shows. Pure."""

from dataclasses import dataclass
from typing import assert_never

from gateway.acquisition.loss_counts import LossCounts
from gateway.ble.link_state import LinkState
from gateway.ble.link_stats import LinkReading
from gateway.formats.json_fields import LABEL
from gateway.staging.scored_epoch import ScoredEpoch
from gateway.staging.stage import Refusal

Told = LinkReading | ScoredEpoch | LossCounts
TOLD: tuple[type[Told], ...] = (LinkReading, ScoredEpoch, LossCounts)
"""Kinds of output it is made of."""


@dataclass(slots=True)
class _Known:
    link: LinkState = LinkState.IDLE
    epoch: ScoredEpoch | None = None
    lost_s: float = 0.0


class StatusLine:
    """Link, stage and loss of every headband, as they are now.

    The stage is that of the newest epoch; an epoch that was refused shows why.
    """

    def __init__(self) -> None:
        self._known: dict[str, _Known] = {}

    def add(self, device: str, value: Told) -> None:
        """Take in what is new of `device`."""
        known = self._known.setdefault(device, _Known())
        match value:
            case LinkReading(state):
                known.link = state
            case ScoredEpoch():
                known.epoch = value
            case LossCounts():
                known.lost_s = value.lost_s
            case _:
                assert_never(value)

    def __str__(self) -> str:
        """Say it."""
        return "; ".join(
            f"{device}: {', '.join(_words(known))}"
            for device, known in sorted(self._known.items())
        )


def _words(known: _Known) -> list[str]:
    words = [known.link.value]
    epoch = known.epoch
    if epoch is not None:
        words.append(f"epoch {epoch.index} {stage_words(epoch)}")
        words.append(f"{known.lost_s:.1f} s lost")
    return words


def stage_words(epoch: ScoredEpoch) -> str:
    """Return e.g. ``"N2 84 %"``, or why there is no stage."""
    if isinstance(epoch.stage, Refusal):
        return f"unscored ({epoch.stage.value})"
    return f"{LABEL[epoch.stage]} {100 * max(epoch.hypnodensity):.0f} %"
