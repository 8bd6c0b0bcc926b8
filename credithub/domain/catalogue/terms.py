"""Understands the rows about time: terms, deadlines, display periods, working days."""

from __future__ import annotations

from datetime import date
from typing import Literal

from credithub.domain.catalogue.rows import Duration, Severity, row

__all__ = ["Calendar", "CalendarYear", "Duration", "Period"]


@row
class Period:
    """A term, a deadline or a display period, with its source and the time it is in force."""

    id: str
    name_zh: str
    name_en: str
    kind: Literal["display", "term", "deadline"]
    items: tuple[str, ...] = ()
    severity: Severity | None = None
    minimum: Duration | None = None
    maximum: Duration | None = None  # None: ends with the fact
    starts: Literal["decision", "listing", "exit", "told", "receipt"]
    document: str | None = None
    clause: str | None = None
    valid_from: date | None = None
    valid_to: date | None = None
    unconfirmed: tuple[str, ...] = ()


@row
class CalendarYear:
    """Days that differ from Monday to Friday: weekdays `off`, weekend days `worked`."""

    year: int
    off: tuple[date, ...]
    worked: tuple[date, ...]


@row
class Calendar:
    """The working-day table. After `known_until` nothing is known: Monday to Friday count, and one says so."""

    known_from: date
    known_until: date
    source: str
    years: tuple[CalendarYear, ...]

    @property
    def off(self) -> frozenset[date]:
        return frozenset(day for year in self.years for day in year.off)

    @property
    def worked(self) -> frozenset[date]:
        return frozenset(day for year in self.years for day in year.worked)
