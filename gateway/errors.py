"""Every expected failure, named by its remedy; anything else is a bug."""

from typing import ClassVar

AS_WHOM = (
    "use sudo; or, for status and configuration, sudo usermod -aG sleepgate $USER and "
    "log in anew"
)


class GatewayError(Exception):
    """Root of all expected failures.

    Attributes
    ----------
    exit_code : int
        What the command line returns when this ends the program.
    """

    exit_code: ClassVar[int] = 1


class DecodeError(GatewayError):
    """A notification that is no packet of this headband: dropped and counted."""

    def __init__(self, reason: str, payload: bytes) -> None:
        shown = f": {payload[:32].hex()} ({len(payload)} bytes)" if payload else ""
        super().__init__(f"{reason}{shown}")
        self.payload = payload


class LinkError(GatewayError):
    """The radio link failed: retried for ever with back-off."""

    exit_code = 3


class OtherKindError(LinkError):
    """The headband is of another kind than was looked for: look for another."""


class UnfitHeadbandError(OtherKindError):
    """Its channels or settings fit no session: another is tried, it again later."""


class StallError(LinkError):
    """Connected, but no samples come: connected to anew."""


class BondingError(LinkError):
    """The headband wants pairing: retried slowly, because a person must act."""


class LostBondError(BondingError):
    """The headband has forgotten its bond: remove ours, then pair it again."""


class AdapterError(LinkError):
    """The Bluetooth adapter itself failed or is missing."""


class StuckAdapterError(GatewayError):
    """All that can mend the adapter was tried for long: systemd starts us afresh."""


class MemoryLimitError(GatewayError):
    """The daemon holds too much memory: it ends in order, systemd starts it afresh."""


class SinkError(GatewayError):
    """One output failed: that output restarts, the others and the night go on."""


class JournalError(SinkError):
    """The journal cannot be used now: the night goes on, and it is tried again."""


class FullDiskError(JournalError):
    """There is no room for the journal: what is owed goes out, nothing new is kept."""


class DamagedJournalError(JournalError):
    """The journal's file is damaged: it is kept aside, and a new one begun."""


class RequestError(GatewayError):
    """A request over MQTT cannot be served: the answer says why, with a `code`."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class AlreadyRunningError(GatewayError):
    """Another daemon runs: end it first; a supervisor may try again until then."""


class NoDaemonError(GatewayError):
    """No daemon answers on the control socket; says what to do."""


class ModelError(GatewayError):
    """A model file is refused, or one inference failed."""

    exit_code = 5


class NoRightError(GatewayError):
    """A file may not be read or written by this user; says which, and who may."""

    def __init__(self, error: PermissionError) -> None:
        what = f"{error.filename or 'something it needs'}: {error.strerror}"
        super().__init__(f"{what}\nnext: {AS_WHOM}")


class ConfigError(GatewayError):
    """The configuration or the command line is wrong; lists every problem."""

    exit_code = 2

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class RecordingError(GatewayError):
    """A recording cannot be used; says which file, what is wrong and the fix."""

    exit_code = 2


class MissingExtraError(GatewayError):
    """An optional dependency is needed and absent; says what to install."""

    exit_code = 2

    def __init__(self, extra: str, what_for: str) -> None:
        step = f"in the clone, pip install '.[{extra}]'"
        super().__init__(f"{what_for} needs the extra [{extra}]: {step}")
