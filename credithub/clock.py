"""Understands what time it is: the only door to the wall clock, and to the business clock that may run ahead of it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

CHINA = timezone(timedelta(hours=8))  # all dates of law are dates in China
_business = {"ahead": timedelta(0)}


def wall() -> datetime:
    """The present moment on the wall, aware, in UTC: for leases, rests, expiry of keys and certificates."""
    return datetime.now(UTC)


def now() -> datetime:
    """The present moment of business, aware, in UTC: what is received, told, answered, due."""
    return wall() + _business["ahead"]


def today() -> date:
    """The present date of business in China, where the law's days begin and end."""
    return now().astimezone(CHINA).date()


def stamp(moment: datetime | None = None) -> str:
    """A moment as it is written in messages: RFC 3339, UTC, microseconds."""
    return (moment or now()).astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def set_ahead(ahead: timedelta) -> None:
    """How far business runs ahead of the wall in this process; development only, never in production."""
    _business["ahead"] = ahead


def ahead() -> timedelta:
    return _business["ahead"]
