"""Understands what the matcher judges by: catalogue versions and the agencies in force, from the gateway's views."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import cast

from sqlalchemy import Row

from credithub import clock
from credithub.db.catalogues import Catalogues
from credithub.db.engine import AsyncEngine, away, text
from credithub.domain.calendar import WorkingDays
from credithub.domain.catalogue import Catalogue, Measure
from credithub.domain.durations import last_day
from credithub.domain.routing import Agencies, Agency
from credithub.errors import Unavailable

AGENCIES = text("SELECT id, department, division, valid_from, valid_to, superior, kind FROM gateway.agencies_v")
UNLESS_SAID = 3  # working days, where a catalogue version lacks a period of the hub's own


@dataclass(slots=True)
class Books:
    """A snapshot, renewed by `run_once`."""

    engine: AsyncEngine
    catalogues: Catalogues
    agencies: Agencies = field(default_factory=lambda: Agencies(()))
    departments: frozenset[str] = frozenset()  # of the agencies in force
    retired: frozenset[str] = frozenset()  # agencies that act no more
    partners: frozenset[str] = frozenset()  # banks, associations, media: informed, without a duty
    superiors: Mapping[str, str] = field(default_factory=dict[str, str])
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
        today, before = clock.today(), (self.agencies, self.retired)
        self.partners = frozenset(r.id for r in rows if r.kind == "partner")
        self.superiors = {r.id: r.superior for r in rows if r.superior}
        self.departments = frozenset(r.department for r in rows)
        self.retired = frozenset(r.id for r in rows if (end := _day(r.valid_to)) is not None and end <= today)
        fresh = Agencies(_agencies(rows), on=today)
        if (fresh, self.retired) == before:
            return 0
        self.agencies = fresh
        return 1

    def catalogue(self, version: str) -> Catalogue:
        return self.catalogues[version]

    # ------------------------------------------------------------------------------------------ days
    def working_days(self, version: str) -> WorkingDays:
        if version not in self._days:
            self._days[version] = WorkingDays(self.catalogues[version].calendar)
        return self._days[version]

    def due_on(self, version: str, working_days: int | None) -> str | None:
        """The date by which to answer, counted from today in the catalogue's calendar; None where nothing is due."""
        if working_days is None:
            return None
        return self.working_days(version).add(clock.today(), working_days).isoformat()

    def answer_due_on(self, version: str, measure: Measure | None) -> str | None:
        """The same for a measure: only what is mandatory, and whose effect may be late, has a due date."""
        if measure is None or not measure.mandatory:
            return None
        effect = self.catalogues[version].effect(measure.effect)
        late = effect is None or effect.overdue
        return self.due_on(version, measure.due_working_days) if late else None

    def last_day(self, version: str, period_id: str, start: date) -> date | None:
        """The last day of a period of the catalogue that begins on `start`; None where it names no longest time."""
        period = self.catalogues[version].period(period_id)
        if period is None or period.maximum is None:
            return None
        return last_day(start, period.maximum, self.working_days(version))

    def own_period(self, version: str, period_id: str) -> date:
        """The day on which a period of the hub's own, begun today, is over: `remind-every`, `escalate-after`."""
        today = clock.today()
        return self.last_day(version, period_id, today) or self.working_days(version).add(today, UNLESS_SAID)

    # ------------------------------------------------------------------------------------------ agencies
    def superior(self, agency: str, steps: int) -> str | None:
        """Who stands so many steps above the agency; None where nobody does."""
        above: str | None = agency
        for _ in range(steps):
            above = self.superiors.get(above or "")
        return above


def _agencies(rows: Sequence[Row[tuple[object, ...]]]) -> list[Agency]:
    return [
        Agency(
            id=r.id,
            department=r.department,
            division=r.division,
            valid_from=_day(r.valid_from),
            valid_to=_day(r.valid_to),
        )
        for r in rows
    ]


def _day(value: object) -> date | None:
    if isinstance(value, datetime):
        return value.astimezone(clock.CHINA).date()
    return cast("date | None", value)
