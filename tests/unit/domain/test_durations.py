"""Understands terms of law: their last day, by the calendar."""

from __future__ import annotations

from datetime import date
from typing import Literal

import pytest

from credithub.domain.calendar import WorkingDays
from credithub.domain.catalogue.terms import Duration
from credithub.domain.durations import last_day

DAYS = WorkingDays({"off": ["2026-10-01"], "worked": [], "known_until": "2026-12-31"})


@pytest.mark.parametrize(
    ("start", "number", "unit", "end"),
    [
        ("2026-09-30", 1, "working-days", "2026-10-02"),
        ("2026-09-30", 3, "days", "2026-10-03"),
        ("2026-11-30", 3, "months", "2027-02-28"),
        ("2024-02-29", 1, "years", "2025-02-28"),
        ("2026-04-01", 3, "years", "2029-04-01"),
        ("2026-12-31", 0, "months", "2026-12-31"),
    ],
)
def test_the_first_day_does_not_count_and_a_month_without_the_day_ends_with_its_last(
    start: str, number: int, unit: Literal["working-days", "days", "months", "years"], end: str
) -> None:
    assert last_day(date.fromisoformat(start), Duration(number=number, unit=unit), DAYS) == date.fromisoformat(end)
