"""Make a headband this gateway's own: find it, connect, bond, try it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from gateway import drivers
from gateway.ble.bleak_radio import BleakRadio
from gateway.ble.link_state import LinkEvent
from gateway.ble.radio import Advertisement, AskPasskey, RadioConnection
from gateway.config.schema import Config
from gateway.drivers import Driver
from gateway.errors import ConfigError
from gateway.models.load import read_model
from gateway.pairing.discovery import device_at, in_reach, nothing_in_reach, only_one
from gateway.pairing.fit_session import SAMPLE_TEST_S, FitSession
from gateway.preprocessing.headband_fit import HeadbandFit
from gateway.printable import printable

SCAN_S = 5.0  # the headband lies at hand


@dataclass(frozen=True, slots=True)
class Paired:
    """A headband that was connected to, and what it sent.

    Attributes
    ----------
    address : str
    driver : str
        Its kind, by its characteristics.
    bonded : bool
        Whether a bond was made just now.
    firmware : str or None
    fit : HeadbandFit
        Of the sample test.
    battery_percent : int or None
    bad_packets : int
    lsb_uv : float or None
        Microvolts per count, where the headband does not say it.
    """

    address: str
    driver: str
    bonded: bool
    firmware: str | None
    fit: HeadbandFit
    battery_percent: int | None
    bad_packets: int
    lsb_uv: float | None = None


class PairingDialog(NamedTuple):
    """Dialog with the person who pairs: progress, and a passkey if there is one."""

    tell: Callable[[str], None]
    ask_passkey: AskPasskey | None = None


class Pairing:
    """One headband made known to this machine.

    Parameters
    ----------
    radio : BleakRadio
    config : Config
    person : PairingDialog
    lsb_uv : float or None
        Microvolts per count, for a kind that does not say it.
    """

    def __init__(
        self,
        radio: BleakRadio,
        config: Config,
        person: PairingDialog,
        lsb_uv: float | None = None,
    ) -> None:
        self._radio = radio
        self._config = config
        self._person = person
        self._lsb_uv = lsb_uv

    async def choose(self, address: str | None) -> Advertisement:
        """Return the headband of `address`, or the only new one in reach.

        Raises
        ------
        LinkError
            If it is not in reach, or several may be meant.
        """
        self._person.tell("looking for headbands ...")
        found = await in_reach(self._radio, self._config, SCAN_S)
        if address is None:
            return only_one(found)
        for seen, _ in found:
            if seen.address.upper() == address.upper():
                return seen
        raise nothing_in_reach(f"headband {address}")

    async def try_and_bond(self, seen: Advertisement) -> Paired:
        """Connect once: tell its kind, bond if it wants that, test its samples.

        Raises
        ------
        ModelError
            If the model, whose inputs are looked at, cannot be read.
        ConfigError
            If the microvolts of a count have to be given, or must not be.
        BondingError
            If it wants a bond and that fails.
        LinkError
            If it cannot be reached, is of no known kind, or sends nothing.
        """
        tell, ask_passkey = self._person
        name = printable(seen.name or "the headband")
        tell(f"connecting to {name} at {seen.address} ...")
        async with self._radio.connect(
            seen,
            *self._candidates(seen),
            bond="if_needed",
            ask_passkey=ask_passkey,
            on_event=self._on_event,
        ) as connection:
            driver = connection.driver
            self._check_calibration(driver.name)
            tell(f"it is a {driver.name}; {SAMPLE_TEST_S:g} s of samples ...")
            return await self._tested(seen, connection)

    def _check_calibration(self, kind: str) -> None:
        try:
            drivers.calibrated(drivers.load(kind), self._lsb_uv)
        except ConfigError as error:
            problems = [
                f"{p}\nnext: --lsb-uv is where to say it" for p in error.problems
            ]
            raise ConfigError(problems) from error

    async def _tested(self, seen: Advertisement, connection: RadioConnection) -> Paired:
        labels = read_model(self._config.staging.model).card.channels
        here = device_at(self._config, seen.address)
        channels = here.channels if here else {}
        mains_hz = self._config.staging.mains_hz
        test = FitSession(connection, labels, channels, mains_hz)
        fit = await test.sample_test()
        return Paired(
            address=seen.address,
            driver=connection.driver.name,
            bonded=connection.bonded,
            firmware=connection.info.firmware,
            fit=fit,
            battery_percent=test.battery_percent,
            bad_packets=test.bad_packets,
            lsb_uv=self._lsb_uv,
        )

    def _candidates(self, seen: Advertisement) -> list[Driver]:
        """Return what `seen` may be; what needs a calibration has the one given."""
        every = drivers.load_all()
        likely = [d for d in every if d.may_be(seen.name, seen.services)] or every
        return [
            drivers.calibrated(d, self._lsb_uv)
            if d.uncalibrated and self._lsb_uv is not None
            else d
            for d in likely
        ]

    def _on_event(self, event: LinkEvent) -> None:
        if event is LinkEvent.BOND_WANTED:
            self._person.tell("it wants a bond; pairing ...")
        elif event is LinkEvent.BONDED:
            self._person.tell("bonded")
