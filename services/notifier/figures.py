"""Understands the figures of delivery that only the database knows: what has not arrived, and since when."""

from __future__ import annotations

from dataclasses import dataclass

from credithub import metrics
from credithub.db.engine import AsyncEngine
from credithub.service import Health
from services.notifier.store.connection import transaction
from services.notifier.store.registry import note_error
from services.notifier.store.reports import unpublished, unsettled

STATES = ("due", "failed", "in-flight", "parked")


@dataclass(slots=True)
class Figures:
    """Renews the gauges, and keeps the last error where the dashboards can read it."""

    engine: AsyncEngine
    health: Health
    _noted: str = ""

    async def run_once(self) -> int:
        async with transaction(self.engine) as conn:
            counts, oldest = await unsettled(conn)
            metrics.OUTBOX_UNPUBLISHED.labels("notifier").set(await unpublished(conn))
            if self.health.last_error_at != self._noted:
                task, _, error = self.health.last_error.partition(": ")
                await note_error(conn, task, error)
                self._noted = self.health.last_error_at
        for state in STATES:
            metrics.DELIVERIES.labels(state).set(counts.get(state, 0))
        metrics.OLDEST_UNACKNOWLEDGED.set(oldest)
        return 0
