"""Hearing advertisements with bumble, for bleak."""

from bleak.backends.scanner import (
    AdvertisementData,
    AdvertisementDataCallback,
    BaseBleakScanner,
)
from bumble.device import Advertisement, Device

from gateway.ble.bumble.host import BumbleHost, advertised, as_bleak_errors


class BumbleScanner(BaseBleakScanner):
    """Scans; its class attribute `_adapter` is set by `backend`."""

    _adapter: BumbleHost

    def __init__(
        self,
        detection_callback: AdvertisementDataCallback | None,
        service_uuids: list[str] | None,
        scanning_mode: str,
        **_: object,  # bleak hands every backend every platform's options
    ) -> None:
        super().__init__(detection_callback, service_uuids)
        self._active = scanning_mode == "active"
        self._device: Device | None = None

    async def start(self) -> None:
        """Begin to scan."""
        self.seen_devices = {}
        self._device = await self._adapter.device()
        self._device.on("advertisement", self._on_advertisement)
        with as_bleak_errors():
            await self._device.start_scanning(active=self._active)

    async def stop(self) -> None:
        """Scan no longer."""
        device, self._device = self._device, None
        if device is not None:
            device.remove_listener("advertisement", self._on_advertisement)
            with as_bleak_errors():
                await device.stop_scanning()

    def _on_advertisement(self, advertisement: Advertisement) -> None:
        name, uuids = advertised(advertisement.data)
        if not self.is_allowed_uuid(uuids):
            return
        seen = AdvertisementData(name, {}, {}, uuids, None, advertisement.rssi, ())
        address = advertisement.address.to_string(with_type_qualifier=False)
        self._adapter.seen[address] = advertisement.address
        device = self.create_or_update_device(address, address, name, None, seen)
        self.call_detection_callbacks(device, seen)
