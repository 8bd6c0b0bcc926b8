"""Understands what the matcher judges by: catalogue versions and the agencies in force, from the gateway's views."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import cast

from credithub import clock
from credithub.db.engine import AsyncEngine, away, text
from credithub.domain.calendar import WorkingDays
from credithub.domain.catalogue import Catalogue, from_json
from credithub.domain.routing import Agencies, Agency
from credithub.errors import Unavailable
from services.matcher.store.json import as_json

CATALOGUES = text("SELECT version, content FROM gateway.catalogues_v WHERE NOT (version = ANY(CAST(:known AS text[])))")
AGENCIES = text("SELECT id, department, division, valid_from, valid_to FROM gateway.agencies_v")


@dataclass(slots=True)
class Books:
    """A snapshot, renewed by `run_once`. Versions of the catalogue never change, so they are read once."""

    engine: AsyncEngine
    catalogues: dict[str, Catalogue] = field(default_factory=dict[str, Catalogue])
    agencies: Agencies = field(default_factory=lambda: Agencies(()))
    departments: frozenset[str] = frozenset()  # of the agencies in force
    _days: dict[str, WorkingDays] = field(default_factory=dict[str, WorkingDays])

    async def run_once(self) -> int:
        """Reads what is new; gives the number of changes seen."""
        try:
            async with self.engine.connect() as conn:
                versions = (await conn.execute(CATALOGUES, {"known": list(self.catalogues)})).all()
                rows = (await conn.execute(AGENCIES)).all()
        except Exception as problem:
            if away(problem):
                raise Unavailable(str(problem)) from problem
            raise
        for row in versions:
            self.catalogues[row.version] = from_json(as_json(row.content))
        fresh = Agencies((Agency(id=r.id, department=r.department, division=r.division,
                                 valid_from=_day(r.valid_from), valid_to=_day(r.valid_to)) for r in rows),
                         on=clock.today())  # fmt: skip
        changed = fresh != self.agencies
        if changed:
            self.agencies = fresh
            self.departments = frozenset(str(r.department) for r in rows)
        return len(versions) + changed

    async def have(self, versions: Iterable[str]) -> None:
        """Makes sure that these versions are known. Raises Unavailable where the registry has none of that name."""
        if any(version not in self.catalogues for version in versions):
            await self.run_once()
            if missing := sorted({v for v in versions if v not in self.catalogues}):
                raise Unavailable(f"catalogue {', '.join(missing)} is not in the registry")

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
