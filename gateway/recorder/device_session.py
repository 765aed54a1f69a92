"""Session of one headband, as the recorder keeps it."""

from collections import deque
from dataclasses import dataclass, field

from gateway.edf.tal import Annotation
from gateway.messages.outputs import Output, Reading
from gateway.recorder.session_file import SessionFile

WAITING = 4096  # outputs other than signal that wait for a disk: more than a night


@dataclass(slots=True)
class DeviceSession:
    """One headband's session, whether it is being recorded or not.

    Attributes
    ----------
    device : str
    session : str
    begins : Reading or None
        That of its `SignalBegins`.
    file : SessionFile or None
        None before the first sample, and while the disk is full or failing.
    waiting : deque of Output
        What is to be written once there is a file.
    lacking : list of Annotation
        What the disk refused to take.
    paused : str
        Why there is none, though signal comes.
    retry_t : float
        When to try again, monotonic seconds.
    ended : bool
        The session is over.
    """

    device: str
    session: str
    begins: Reading | None = None
    file: SessionFile | None = None
    waiting: deque[Output] = field(default_factory=lambda: deque(maxlen=WAITING))
    lacking: list[Annotation] = field(default_factory=list)
    paused: str = ""
    retry_t: float = 0.0
    ended: bool = False
