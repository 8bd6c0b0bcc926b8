"""Understands how working days are counted by a table, and past its end."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credithub.domain.calendar import DueDay, WorkingDays

pytestmark = pytest.mark.unit

# Invented: a holiday from Thursday to Wednesday, made up for on the Sunday before and the Saturday after.
DAYS = WorkingDays(
    {
        "off": ["2026-10-01", "2026-10-02", "2026-10-05", "2026-10-06", "2026-10-07"],
        "worked": ["2026-09-27", "2026-10-10"],
        "known_until": "2026-12-31",
    }
)


def test_weekends_and_days_off_do_not_count_and_worked_weekends_do() -> None:
    assert DAYS.add(date(2026, 9, 25), 1) == date(2026, 9, 27)
    assert DAYS.add(date(2026, 9, 30), 1) == date(2026, 10, 8)
    assert DAYS.add(date(2026, 9, 30), 3) == date(2026, 10, 10)
    assert DAYS.add(date(2026, 9, 30), 7) == date(2026, 10, 15)


def test_counting_back_undoes_counting_on_from_a_working_day() -> None:
    assert DAYS.add(date(2026, 10, 8), -1) == date(2026, 9, 30)
    assert DAYS.add(date(2026, 10, 8), 0) == date(2026, 10, 8)


def test_past_the_end_of_the_table_monday_to_friday_count_and_it_is_said() -> None:
    assert DAYS.due(date(2026, 12, 30), 1) == DueDay(on=date(2026, 12, 31), estimated=False)
    assert DAYS.due(date(2026, 12, 31), 7) == DueDay(on=date(2027, 1, 11), estimated=True)


def test_a_table_by_years_is_read_the_same() -> None:
    by_year = {"known_until": "2026-12-31", "years": [{"year": 2026, "off": [date(2026, 10, 1)], "worked": []}]}
    assert WorkingDays(by_year).add(date(2026, 9, 30), 1) == date(2026, 10, 2)


@given(st.dates(date(2020, 1, 1), date(2030, 1, 1)), st.integers(0, 60))
def test_between_counts_what_add_added(day: date, n: int) -> None:
    assert DAYS.between(day, DAYS.add(day, n)) == n
