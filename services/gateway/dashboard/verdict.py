"""Understands whether all is well: a level, and every cause of it by a name from a closed list. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from services.gateway.dashboard.figures import SERVICES, Figures, Part, Stored

Level = Literal["green", "amber", "red"]
Fact = str | int | float
LEVELS: tuple[Level, ...] = ("green", "amber", "red")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """From when on something is worth a word. Ours, not the law's: no term of the catalogue is meant."""

    lag_amber: float = 60  # seconds a topic's reader may be behind
    lag_red: float = 600
    unpublished: float = 60  # seconds a decided notification may lie in the outbox
    unacknowledged: timedelta = timedelta(days=3)
    holding: timedelta = timedelta(days=1)
    error: timedelta = timedelta(minutes=5)  # how long a service's last error is news


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """One thing that is not well: `code` has its sentence in texts.CAUSES, `facts` fill it."""

    code: str
    level: Level
    facts: Mapping[str, Fact]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    level: Level
    causes: tuple[Cause, ...]


def judge(figures: Figures, limits: Limits | None = None) -> Verdict:
    """The worst cause decides; causes come worst first."""
    limits = limits or Limits()
    causes = [*_of_parts(figures, limits), *_of_lags(figures, limits), *_of_store(figures, limits)]
    causes.sort(key=lambda cause: -LEVELS.index(cause.level))
    return Verdict(level=causes[0].level if causes else "green", causes=tuple(causes))


def _of_parts(figures: Figures, limits: Limits) -> Iterator[Cause]:
    """A service that is not ready because Kafka or PostgreSQL is away is no cause of its own."""
    kafka, postgresql = figures.part("kafka"), figures.part("postgresql")
    if kafka.state != "up":
        yield _cause("kafka-down", "red")
    if postgresql.state == "down":
        yield _cause("postgresql-down", "red")
    if postgresql.state == "slow":
        yield _cause("postgresql-slow", "amber")
    ground_is_up = kafka.state == "up" and postgresql.state != "down"
    for name in SERVICES:
        yield from _of_service(figures.part(name), figures.at, limits, ground_is_up)
    if figures.parked:
        yield _cause("messages-parked", "amber", number=figures.parked)


def _of_service(part: Part, at: datetime, limits: Limits, ground_is_up: bool) -> Iterator[Cause]:
    if part.state == "down":
        yield _cause("service-down", "red", service=part.name)
    elif part.state == "not-ready" and ground_is_up:
        yield _cause("service-not-ready", "red", service=part.name, steps=", ".join(part.away) or "…")
    elif part.state == "up" and _is_news(part, at, limits.error):
        yield _cause("service-error", "amber", service=part.name)


def _is_news(part: Part, at: datetime, span: timedelta) -> bool:
    return part.last_error_at is not None and at - part.last_error_at < span


def _of_lags(figures: Figures, limits: Limits) -> Iterator[Cause]:
    for lag in figures.lags:
        seconds, messages = lag.seconds or 0, lag.messages or 0
        if seconds >= limits.lag_amber:
            level: Level = "red" if seconds >= limits.lag_red else "amber"
            yield _cause("lag", level, topic=lag.topic, service=lag.service, seconds=seconds, number=messages)


def _of_store(figures: Figures, limits: Limits) -> Iterator[Cause]:
    stored = figures.stored
    if stored is None:
        return
    if stored.catalogue is None:
        yield _cause("no-catalogue", "amber")
    yield from _of_deliveries(stored)
    yield from _of_waits(stored, figures.at, limits)
    if stored.drift:
        yield _cause("drift", "amber", number=stored.drift)


def _of_deliveries(stored: Stored) -> Iterator[Cause]:
    for state, code in (("parked", "deliveries-parked"), ("failed", "deliveries-failing")):
        number = sum(each.number for each in stored.unsettled if each.state == state)
        if number:
            agencies = {trouble.agency.id for trouble in stored.troubles if trouble.state == state}
            yield _cause(code, "amber", number=number, agencies=max(1, len(agencies)))


def _of_waits(stored: Stored, at: datetime, limits: Limits) -> Iterator[Cause]:
    oldest = stored.unpublished.oldest
    if oldest is not None and (at - oldest).total_seconds() >= limits.unpublished:
        seconds = (at - oldest).total_seconds()
        yield _cause("unpublished", "amber", number=stored.unpublished.number, seconds=seconds)
    unacknowledged = stored.unacknowledged
    if unacknowledged is not None and at - unacknowledged.since >= limits.unacknowledged:
        seconds = (at - unacknowledged.since).total_seconds()
        yield _cause("unacknowledged", "amber", agency=unacknowledged.agency.id, seconds=seconds)
    if stored.holding.oldest is not None and at - stored.holding.oldest >= limits.holding:
        seconds = (at - stored.holding.oldest).total_seconds()
        yield _cause("holding", "amber", number=stored.holding.number, seconds=seconds)


def _cause(code: str, level: Level, **facts: Fact) -> Cause:
    return Cause(code=code, level=level, facts=facts)
