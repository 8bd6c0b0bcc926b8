"""Understands what time it is: the only door to the wall clock."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

CHINA = timezone(timedelta(hours=8))  # all dates of law are dates in China


def now() -> datetime:
    """The present moment, aware, in UTC."""
    return datetime.now(UTC)


def today() -> date:
    """The present date in China, where the law's days begin and end."""
    return now().astimezone(CHINA).date()


def stamp(moment: datetime | None = None) -> str:
    """A moment as it is written in messages: RFC 3339, UTC, microseconds."""
    return (moment or now()).astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
