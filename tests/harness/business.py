"""Understands the business clock in a test: moved on by the test, put back after it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from credithub import clock
from credithub.domain.calendar import WorkingDays
from credithub.domain.catalogue import Catalogue


@dataclass(frozen=True, slots=True)
class Business:
    """Days of business, counted by the catalogue's calendar."""

    catalogue: Catalogue

    def until(self, day: date) -> None:
        """It is this day now, or was already."""
        clock.set_ahead(clock.ahead() + max(day - clock.today(), timedelta(0)))

    def working_days(self, number: int) -> date:
        """The day so many working days from today."""
        return WorkingDays(self.catalogue.calendar).add(clock.today(), number)

    def later(self, working_days: int) -> None:
        self.until(self.working_days(working_days))

    def days(self, number: int) -> None:
        clock.set_ahead(clock.ahead() + timedelta(days=number))
