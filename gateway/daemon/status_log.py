"""Log of the night: a status line for systemd, some dozens of lines for the journal."""

import logging
from dataclasses import dataclass

from gateway.acquisition.loss_counts import LossCounts
from gateway.ble.link_state import LinkReading
from gateway.daemon.systemd_notify import notify
from gateway.formats.json_fields import LABEL
from gateway.messages.control import Control
from gateway.messages.device_state import DeviceState
from gateway.messages.feed import Feed
from gateway.messages.outputs import Reading, SessionState
from gateway.reports.status_line import stage_words, status_line
from gateway.sinks import Sink
from gateway.staging.events import SleepEvent
from gateway.staging.scored_epoch import ScoredEpoch
from gateway.staging.stage import Refusal

log = logging.getLogger(__name__)

HOUR = 120  # epochs
SHOWN = (LinkReading, ScoredEpoch, LossCounts)  # on the status line


@dataclass(frozen=True, slots=True)
class NoOptions:
    """Nothing can be chosen."""


async def run(_options: NoOptions, feed: Feed[Reading], _control: Control) -> None:
    """Log what `feed` brings and show it to systemd, until it ends.

    Every epoch is logged at debug, every hour of them and every event of the night
    at info: a night is some dozens of lines. The records carry the fields DEVICE,
    SESSION, EPOCH and STAGE, so that ``journalctl EPOCH=412`` finds what it was.
    """
    states: dict[str, DeviceState] = {}
    shown = ""
    async for reading in feed:
        _log(reading)
        if not isinstance(reading.value, SHOWN):
            continue
        state = states.get(reading.device) or DeviceState(device=reading.device)
        states[reading.device] = state.add(reading)
        line = status_line(states.values())
        if line != shown:
            shown = line
            notify(f"STATUS={line}")


def _log(reading: Reading) -> None:
    fields = {"DEVICE": reading.device, "SESSION": reading.session}
    match reading.value:
        case ScoredEpoch() as epoch:
            of_hour = epoch.index % HOUR == HOUR - 1
            log.log(
                logging.INFO if of_hour else logging.DEBUG,
                "%s: epoch %d is %s",
                reading.device,
                epoch.index,
                stage_words(epoch),
                extra=fields | {"EPOCH": epoch.index, "STAGE": _name(epoch)},
            )
        case SleepEvent(what, utc, epoch_index):
            fields |= {} if epoch_index is None else {"EPOCH": str(epoch_index)}
            log.info(
                "%s: %s at %s",
                reading.device,
                what.value.replace("_", " "),
                utc.strftime("%H:%M:%SZ"),
                extra=fields,
            )
        case SessionState() as session:
            log.info(
                "%s: session %s %s, %d epochs",
                *(reading.device, reading.session, session.state.value),
                session.n_epochs,
                extra=fields,
            )


def _name(epoch: ScoredEpoch) -> str:
    stage = epoch.stage
    return stage.value if isinstance(stage, Refusal) else LABEL[stage]


BULLETIN = Sink(
    name="bulletin",
    options=NoOptions,
    wants=(*SHOWN, SessionState, SleepEvent),
    run=run,
)
