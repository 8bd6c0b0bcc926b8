"""Understands what the matcher judges by: catalogue versions and the agencies in force, from the gateway's views."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import cast

from credithub import clock
from credithub.db.catalogues import Catalogues
from credithub.db.engine import AsyncEngine, away, text
from credithub.domain.calendar import WorkingDays
from credithub.domain.catalogue import Catalogue
from credithub.domain.routing import Agencies, Agency
from credithub.errors import Unavailable

AGENCIES = text("SELECT id, department, division, valid_from, valid_to FROM gateway.agencies_v")


@dataclass(slots=True)
class Books:
    """A snapshot, renewed by `run_once`."""

    engine: AsyncEngine
    catalogues: Catalogues
    agencies: Agencies = field(default_factory=lambda: Agencies(()))
    departments: frozenset[str] = frozenset()  # of the agencies in force
    _days: dict[str, WorkingDays] = field(default_factory=dict[str, WorkingDays])

    async def run_once(self) -> int:
        """Reads the agencies anew; gives 1 when they changed. Raises Unavailable while the database is away."""
        try:
            async with self.engine.connect() as conn:
                rows = (await conn.execute(AGENCIES)).all()
        except Exception as problem:
            if away(problem):
                raise Unavailable(str(problem)) from problem
            raise
        here = [
            Agency(
                id=r.id,
                department=r.department,
                division=r.division,
                valid_from=_day(r.valid_from),
                valid_to=_day(r.valid_to),
            )
            for r in rows
        ]
        fresh = Agencies(here, on=clock.today())
        if fresh == self.agencies:
            return 0
        self.agencies = fresh
        self.departments = frozenset(agency.department for agency in here)
        return 1

    def catalogue(self, version: str) -> Catalogue:
        return self.catalogues[version]

    def due_on(self, version: str, working_days: int | None) -> str | None:
        """The date by which to answer, counted from today in the catalogue's calendar; None where nothing is due."""
        if working_days is None:
            return None
        if version not in self._days:
            self._days[version] = WorkingDays(self.catalogues[version].calendar)
        return self._days[version].add(clock.today(), working_days).isoformat()


def _day(value: object) -> date | None:
    if isinstance(value, datetime):
        return value.astimezone(clock.CHINA).date()
    return cast("date | None", value)
