"""What the daemon says of the night: to systemd in one line, to the journal in few."""

import logging
from dataclasses import dataclass

from gateway.daemon.systemd_notify import notify
from gateway.formats.json_fields import LABEL
from gateway.messages.control import Control
from gateway.messages.feed import Feed
from gateway.messages.outputs import Reading, SessionState
from gateway.reports.status_line import TOLD, StatusLine, stage_words
from gateway.sinks import Sink
from gateway.staging.events import SleepEvent
from gateway.staging.scored_epoch import ScoredEpoch
from gateway.staging.stage import Refusal

log = logging.getLogger(__name__)

HOUR = 120  # epochs


@dataclass(frozen=True, slots=True)
class NoOptions:
    """Nothing can be chosen."""


async def run(_options: NoOptions, feed: Feed[Reading], _control: Control) -> None:
    """Tell what `feed` brings until it ends.

    Every epoch is logged at debug, every hour of them and every moment of the night
    at info: a night is some dozens of lines. The records carry the fields DEVICE,
    SESSION, EPOCH and STAGE, so that ``journalctl EPOCH=412`` finds what it was.
    """
    line, said = StatusLine(), ""
    async for reading in feed:
        _log(reading)
        if isinstance(reading.value, TOLD):
            line.add(reading.device, reading.value)
        if str(line) != said:
            said = str(line)
            notify(f"STATUS={said}")


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
    wants=(*TOLD, SessionState, SleepEvent),
    run=run,
)
