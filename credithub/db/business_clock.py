"""Understands how far business time runs ahead of the wall: one row that every service follows, in development only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from credithub import clock
from credithub.db.engine import AsyncConnection, AsyncEngine, away, text
from credithub.db.values import as_json
from credithub.domain.catalogue import from_json
from credithub.domain.catalogue.terms import Calendar
from credithub.errors import ConfigurationError, Unavailable
from credithub.settings import Settings

EVERY_SECONDS = 1.0
AHEAD = text("SELECT ahead FROM hub.clock")
CATALOGUE = text("""
    SELECT content FROM gateway.catalogues WHERE layer = 'national' AND effective_from <= :on
     ORDER BY effective_from DESC, loaded_at DESC LIMIT 1
""")
MOVE = text("UPDATE hub.clock SET ahead = ahead + CAST(:by AS interval) RETURNING ahead")


async def read(conn: AsyncConnection) -> timedelta:
    return (await conn.execute(AHEAD)).scalar_one()


async def calendar(conn: AsyncConnection, on: date) -> Calendar:
    """The working days of the catalogue in force; without one Monday to Friday."""
    content = (await conn.execute(CATALOGUE, {"on": on})).scalar_one_or_none()
    if content is None:
        return Calendar(known_from=on, known_until=on, source="-", years=())
    return from_json(as_json(content)).calendar


async def move(conn: AsyncConnection, by: timedelta) -> timedelta:
    """Moves the business clock on, and never back; as the owner. Gives how far ahead it is now."""
    if by < timedelta(0):
        raise ConfigurationError("业务时钟只能向前 / the business clock only goes forward")
    return (await conn.execute(MOVE, {"by": by})).scalar_one()


@dataclass(frozen=True, slots=True)
class Following:
    """Keeps this process's clock with the row. In production nothing is read: there is one time."""

    engine: AsyncEngine
    settings: Settings

    async def run_once(self) -> int:
        """Raises Unavailable while the database is away."""
        if self.settings.mode == "production":
            return 0
        try:
            async with self.engine.connect() as conn:
                clock.set_ahead(await read(conn))
        except Exception as problem:
            if away(problem):
                raise Unavailable(str(problem)) from problem
            raise
        return 0

    async def first(self) -> None:
        """Before anything is handled: no stamp may lie before one that was given already."""
        await self.run_once()
