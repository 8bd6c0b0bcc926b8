"""Understands working days: Monday to Friday, without days off, with weekends that are worked instead."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Protocol

_DAY = timedelta(days=1)
_SATURDAY = 5


class Table(Protocol):
    """The catalogue's calendar, as far as it is needed here."""

    @property
    def off(self) -> frozenset[date]: ...
    @property
    def worked(self) -> frozenset[date]: ...
    @property
    def known_until(self) -> date: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class DueDay:
    on: date
    estimated: bool  # the table ends before it: Monday to Friday were counted, holidays may move it


class WorkingDays:
    """Counts by a table: the catalogue's Calendar, or a mapping of off, worked, known_until (dates or ISO text)."""

    def __init__(self, table: Table | Mapping[str, Any]) -> None:
        if isinstance(table, Mapping):
            years: list[Mapping[str, Any]] = [table, *table.get("years", ())]
            self._off = frozenset(day for year in years for day in _dates(year.get("off", ())))
            self._worked = frozenset(day for year in years for day in _dates(year.get("worked", ())))
            (self.known_until,) = _dates([table["known_until"]])
        else:
            self._off, self._worked, self.known_until = table.off, table.worked, table.known_until

    def is_working(self, day: date) -> bool:
        return day in self._worked or (day.weekday() < _SATURDAY and day not in self._off)

    def add(self, day: date, n: int) -> date:
        """The n-th working day after `day`, which itself does not count; negative n counts back; 0 is `day`."""
        step = _DAY if n > 0 else -_DAY
        left = abs(n)
        while left:
            day += step
            left -= self.is_working(day)
        return day

    def due(self, day: date, n: int) -> DueDay:
        """The same, saying whether the table reaches that far."""
        on = self.add(day, n)
        return DueDay(on=on, estimated=self.estimated(on))

    def estimated(self, day: date) -> bool:
        return day > self.known_until

    def between(self, first: date, last: date) -> int:
        """Working days after `first` up to and including `last`; 0 where last is not later."""
        days = (last - first).days
        return sum(self.is_working(first + _DAY * ahead) for ahead in range(1, days + 1))


def _dates(days: Iterable[date | str]) -> list[date]:
    return [date.fromisoformat(day) if isinstance(day, str) else day for day in days]
