"""Status line of the daemon, as systemctl shows it. Pure."""

from collections.abc import Iterable

from gateway.formats.json_fields import LABEL
from gateway.messages.device_state import DeviceState
from gateway.staging.scored_epoch import ScoredEpoch
from gateway.staging.stage import Refusal


def status_line(states: Iterable[DeviceState]) -> str:
    """Return link, newest stage and loss of every headband on one line.

    An epoch that was refused shows why, instead of a stage.
    """
    by_name = sorted(states, key=lambda state: state.device)
    return "; ".join(f"{state.device}: {', '.join(_words(state))}" for state in by_name)


def stage_words(epoch: ScoredEpoch) -> str:
    """Return e.g. ``"N2 84 %"``, or why there is no stage."""
    if isinstance(epoch.stage, Refusal):
        return f"unscored ({epoch.stage.value})"
    return f"{LABEL[epoch.stage]} {100 * max(epoch.hypnodensity):.0f} %"


def _words(state: DeviceState) -> list[str]:
    words = [state.link.state.value]
    if state.epoch is not None:
        words.append(f"epoch {state.epoch.index} {stage_words(state.epoch)}")
        words.append(f"{state.losses.lost_s:.1f} s lost")
    return words
