"""Retention of webhook deliveries: how long the records of ended ones are kept."""

from datetime import datetime, timedelta

from hitherto.engine import Resources

RETENTION = timedelta(days=7)
"""Time for which the record of an ended delivery is kept."""

CLEARING_INTERVAL = timedelta(hours=1)


class DeliveryRetention:
    """Deletes the records of deliveries that ended `RETENTION` ago."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._clear_at: datetime | None = None

    async def clear(self) -> None:
        """Delete outdated records, if the last time is `CLEARING_INTERVAL` ago."""
        now = self._resources.clock()
        if self._clear_at is None or now >= self._clear_at:
            await self._resources.store.write(lambda tx: tx.deliveries.clear(now - RETENTION, now))
            self._clear_at = now + CLEARING_INTERVAL
