"""Understands a day as departments write it; an instant counts as the day it was in Beijing."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone
from functools import lru_cache

from credithub.domain.text import nfkc

BEIJING = timezone(timedelta(hours=8))
FIRST_PLAUSIBLE = "1949-10-01"
LAST_PLAUSIBLE = "2199-12-31"

_TIME = r"(?:[ T]\s*\d{1,2}(?::\d{1,2}){1,2}(?:\.\d+)?)?"
_FORMS = (
    re.compile(rf"(\d{{4}})([-/.])(\d{{1,2}})\2(\d{{1,2}}){_TIME}"),
    re.compile(rf"(\d{{4}})(年)(\d{{1,2}})月(\d{{1,2}})[日号]?{_TIME}"),
    re.compile(rf"(\d{{4}})()(\d{{2}})(\d{{2}})(?:\d{{6}})?{_TIME}"),
)
_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?(?:Z|[+-]\d{2}:?\d{2})")
_SPACES = re.compile(r"\s*([-/.年月日])\s*")


@lru_cache(maxsize=8192)
def read_day(text: str) -> str | None:
    """The day as YYYY-MM-DD: also 2026/1/5, 2026.01.05, 20260105, 2026年1月5日, with a time, or epoch milliseconds.

    None where it is no day at all. Whether the day is plausible is for the caller to ask.
    """
    text = _SPACES.sub(r"\1", nfkc(text).strip())
    if re.fullmatch(r"-?\d{11,13}", text, re.ASCII):
        return _of_milliseconds(int(text))
    if _INSTANT.fullmatch(text):
        return _of_instant(text)
    for form in _FORMS:
        if found := form.fullmatch(text):
            return _of_numbers(int(found[1]), int(found[3]), int(found[4]))
    return None


@lru_cache(maxsize=256)
def day_after(moment: str) -> str:
    """The day after that of an ISO moment: no decision submitted then can bear a later date, in any time zone."""
    return (date.fromisoformat(moment[:10]) + timedelta(days=1)).isoformat()


def spreadsheet_day(text: str) -> str | None:
    """The day that a spreadsheet keeps as this number; offered as a hint, never taken."""
    if not re.fullmatch(r"[2-6]\d{4}", text, re.ASCII):
        return None
    return (date(1899, 12, 30) + timedelta(days=int(text))).isoformat()


def _of_numbers(year: int, month: int, day: int) -> str | None:
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        return None


def _of_milliseconds(value: int) -> str | None:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=value)
    return moment.astimezone(BEIJING).date().isoformat()


def _of_instant(text: str) -> str | None:
    try:
        return datetime.fromisoformat(text).astimezone(BEIJING).date().isoformat()
    except (ValueError, OverflowError):
        return None
