"""Doing what the ladder says, to an adapter that several headbands share."""

import asyncio
from collections.abc import Collection

from gateway.ble.adapter import Adapter
from gateway.ble.recovery_policy import STUCK_S, RecoveryStep
from gateway.ble.scan_scheduler import ScanScheduler
from gateway.errors import StuckAdapterError

LASTS_S = 30.0  # nothing is done twice within this time


class AdapterRecovery:
    """Takes the rungs of one adapter's ladder.

    While a headband streams the adapter works, and what would cut that headband off
    is left out. Several headbands that fail together climb together: what was done
    for one is not done again for the next.

    Parameters
    ----------
    care : Adapter
    scheduler : ScanScheduler
        Of the same adapter; it rests meanwhile.
    """

    def __init__(self, care: Adapter, scheduler: ScanScheduler) -> None:
        self._care = care
        self._scheduler = scheduler
        self._done_s: dict[RecoveryStep, float] = {}

    async def take(
        self, step: RecoveryStep, services: Collection[str], keep: Collection[str]
    ) -> None:
        """Do what `step` says, if that is called for.

        Parameters
        ----------
        step : RecoveryStep
        services : collection of str
            By which headbands are recognised.
        keep : collection of str
            Addresses of those that are no stale connections.

        Raises
        ------
        StuckAdapterError
            For `RecoveryStep.EXIT`.
        AdapterError
            If it cannot be done.
        """
        if (
            step in {RecoveryStep.POWER_CYCLE, RecoveryStep.EXIT}
            and self._scheduler.n_streaming
        ):
            return
        if step is RecoveryStep.EXIT:
            raise StuckAdapterError(
                f"the Bluetooth adapter has failed for {STUCK_S / 60:.0f} minutes, "
                "switched off and on in vain: starting afresh; if that does not help, "
                "restart the machine or change the adapter"
            )
        now_s = asyncio.get_running_loop().time()
        if now_s < self._done_s.get(step, -LASTS_S) + LASTS_S:
            return
        self._done_s[step] = now_s
        async with self._scheduler.connecting():
            if step is RecoveryStep.RESTART_SCAN:
                await self._care.restart_scan()
            elif step is RecoveryStep.DISCONNECT_STALE:
                await self._care.disconnect_stale(services, keep)
            elif not self._scheduler.n_streaming:  # nobody has come to stream meanwhile
                await self._care.power_cycle()
