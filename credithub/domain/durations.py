"""Understands how long a term of law runs: months and years by the calendar, working days by its table."""

from __future__ import annotations

import calendar
from datetime import date, timedelta

from credithub.domain.calendar import WorkingDays
from credithub.domain.catalogue.terms import Duration


def last_day(start: date, duration: Duration, days: WorkingDays) -> date:
    """The last day of a term that began on `start`, which itself does not count (Civil Code, articles 201 and 202)."""
    if duration.unit == "working-days":
        return days.add(start, duration.number)
    if duration.unit == "days":
        return start + timedelta(days=duration.number)
    return months_later(start, duration.number * (12 if duration.unit == "years" else 1))


def months_later(start: date, months: int) -> date:
    """The same day of a later month, or that month's last where it has no such day."""
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    return date(year, month + 1, min(start.day, calendar.monthrange(year, month + 1)[1]))
