"""One headband through a night, from one power-on to the next. Pure."""

from dataclasses import replace
from math import ceil

from gateway.errors import RecordingError
from gateway.recordings.recording import Recording
from sim.device import DeviceSettings, SimulatedDevice
from sim.devices import Maker

HIGHEST_BOOT_ID = 2**32


class PoweredDevice:
    """A headband of one kind that somebody sleeps with.

    Parameters
    ----------
    recording : Recording
        The night, from the first power-on.
    make : callable
        Of a kind, from `sim.devices.load`.
    knobs : DeviceSettings
        Of the first power-on.

    Attributes
    ----------
    device : SimulatedDevice
        Since the last power-on.
    powered_s : int
        Second of the recording of that power-on.
    """

    def __init__(
        self, recording: Recording, make: Maker, knobs: DeviceSettings
    ) -> None:
        self.device = make(recording, knobs)
        self._recording = recording
        self._make = make
        self._knobs = knobs
        self.powered_s = 0

    def reboot(self, device_s: float) -> SimulatedDevice:
        """Return the device after another power-on, `device_s` after the last.

        What it records begins with that power-on, to the next whole second, under
        another boot id.

        Raises
        ------
        RecordingError
            If the night is over by then.
        """
        begin_s = self.powered_s + ceil(device_s)
        if begin_s >= int(self._recording.duration_s):
            raise RecordingError(f"{self._recording.name} is over after {begin_s} s")
        boot_id = (self._knobs.boot_id + 1) % HIGHEST_BOOT_ID
        self._knobs = replace(self._knobs, boot_id=boot_id, skip_s=0.0)
        rest = self._recording.between(begin_s, int(self._recording.duration_s))
        self.device = self._make(rest, self._knobs)
        self.powered_s = begin_s
        return self.device
