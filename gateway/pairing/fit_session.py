"""Look at what a connected headband sends, before any night is recorded."""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from typing import NamedTuple

from gateway.acquisition.packets import Battery, Notification, SamplePacket
from gateway.ble.bleak_radio import BleakRadio
from gateway.ble.radio import Advertisement, RadioConnection
from gateway.config.schema import Config, DeviceConfig
from gateway.daemon.build import driver_of
from gateway.errors import DecodeError, LinkError
from gateway.models.load import read_model
from gateway.preprocessing.contact_monitor import ContactMonitor, FitCheck
from gateway.preprocessing.headband_fit import HeadbandFit

log = logging.getLogger(__name__)

SAMPLE_TEST_S = 5.0
SILENCE_S = 5.0


class FitReading(NamedTuple):
    """Fit of a headband, and its battery if known."""

    fit: HeadbandFit
    battery_percent: int | None


class FitSession:
    """Fit session: one connection's signal, judged second by second.

    Parameters
    ----------
    connection : RadioConnection
    labels : tuple of str
        The model's inputs.
    channels : mapping of str to str
        Derivations from the configuration.
    mains_hz : float

    Attributes
    ----------
    battery_percent : int or None
        Until the headband says it.
    fit : HeadbandFit or None
        The last; None before the first whole second.
    bad_packets : int
        Notifications that were no packet.
    """

    def __init__(
        self,
        connection: RadioConnection,
        labels: tuple[str, ...],
        channels: Mapping[str, str],
        mains_hz: float,
    ) -> None:
        self.battery_percent: int | None = None
        self.fit: HeadbandFit | None = None
        self.bad_packets = 0
        driver, info = connection.driver, connection.info
        self._notifications = connection.notifications
        self._decoder = driver.decoder(info)
        offered = driver.derivations
        watch = ContactMonitor(info.montage, labels, channels, offered, mains_hz)
        self._fitting = FitCheck(info, watch)

    async def fits(self) -> AsyncIterator[HeadbandFit]:
        """Yield a `HeadbandFit` a second, until the connection ends.

        Raises
        ------
        LinkError
            When it does, or nothing comes for `SILENCE_S`.
        """
        while True:
            for fit in self._feed(await self._notifications.get(SILENCE_S)):
                self.fit = fit
                yield fit

    async def sample_test(self, seconds: float = SAMPLE_TEST_S) -> HeadbandFit:
        """Return how the headband sits after so many seconds of samples.

        Raises
        ------
        LinkError
            If the connection ends before, or brings no samples in that time.
        """
        try:
            async with asyncio.timeout(seconds):
                async for _ in self.fits():
                    pass
        except TimeoutError:
            pass
        if self.fit is None:
            bad = f", but {self.bad_packets} broken packets" if self.bad_packets else ""
            raise LinkError(
                f"connected, but no second of samples in {seconds:g} s{bad}"
            )
        return self.fit

    def _feed(self, notification: Notification) -> Iterator[HeadbandFit]:
        try:
            decoded = list(self._decoder.feed(notification))
        except DecodeError:
            self.bad_packets += 1
            return
        for value in decoded:
            if isinstance(value, SamplePacket):
                yield from self._fitting.push_packet(value)
            elif isinstance(value, Battery):
                self.battery_percent = value.percent


async def free_headband(
    radio: BleakRadio, device: DeviceConfig, *, anyway: bool
) -> Advertisement:
    """Find `device`, which nobody else should be connected to unless `anyway`.

    Raises
    ------
    LinkError
        If it is not in reach, or somebody is.
    """
    driver = driver_of(device)
    address = None if device.address == "auto" else device.address
    seen = await radio.find(driver, address)
    if seen.connected and not anyway:
        raise LinkError(
            f"{device.name} is connected already, by the daemon it seems\n"
            "next: sudo systemctl stop sleepgate, and start it again afterwards; if "
            f"no daemon runs: sleepgate fit {device.name} --anyway"
        )
    return seen


async def try_on(
    radio: BleakRadio, seen: Advertisement, device: DeviceConfig, config: Config
) -> AsyncGenerator[FitReading, None]:
    """Yield how a headband sits, once a second, for ever.

    Once it has streamed, a lost link is looked for again. Close it
    (``contextlib.aclosing``) to disconnect.

    Raises
    ------
    LinkError
        If it does not stream at all, or does not come back.
    """
    labels = read_model(config.staging.model).card.channels
    driver = driver_of(device)
    while True:
        test = None
        try:
            async with radio.connect(seen, driver) as connection:
                mains_hz = config.staging.mains_hz
                test = FitSession(connection, labels, device.channels, mains_hz)
                async for fit in test.fits():
                    yield FitReading(fit, test.battery_percent)
        except LinkError as error:
            if test is None or test.fit is None:
                raise
            log.warning("link lost: %s; looking for it again", error)
        seen = await radio.find(driver, seen.address)
