"""Understands how all that was gathered in one look becomes the figures of the page. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.gateway.dashboard.figures import (
    MINUTES,
    PATH,
    READ_BY,
    SERVICES,
    Figures,
    Heard,
    Lag,
    Part,
    Stage,
    Stored,
    minute_of,
    shown,
)

UNLISTED = "CREDITHUB_SERVICES 未列出 / not listed in CREDITHUB_SERVICES"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """All that was gathered for one look, before it is put together."""

    at: datetime
    stored: Stored | None
    heard: Sequence[Heard]
    kafka: Part
    postgresql: Part
    counted: Callable[[str, int], int | None]  # stage, minute: what its own counter grew by, None where nobody looked
    lagged: Callable[[str, int], float | None]  # topic, minute: the worst lag in seconds


def build(seen: Seen) -> Figures:
    """The figures of one look. Pure."""
    now = minute_of(seen.at)
    window = range(now - MINUTES + 1, now + 1)
    return Figures(
        at=seen.at,
        stages=tuple(_stage(name, seen, window) for name in PATH),
        quarantined=_stage("quarantined", seen, window),
        lags=_lags(seen, window),
        parts=(seen.kafka, seen.postgresql, *(_part(name, seen.heard) for name in SERVICES)),
        parked=int(sum(n for heard in seen.heard for (_, outcome), n in heard.handled.items() if outcome == "parked")),
        stored=seen.stored,
    )


def _stage(name: str, seen: Seen, window: range) -> Stage:
    """A stage's own counter knows first; where nobody looked at it, the database knows what came through since."""
    stored = None if seen.stored is None else seen.stored.flow.get(name, {})

    def number(minute: int) -> int | None:
        counted = seen.counted(name, minute)
        return counted if counted is not None or stored is None else stored.get(minute, 0)

    return Stage(name=name, minutes=tuple(number(minute) for minute in window))


def _lags(seen: Seen, window: range) -> tuple[Lag, ...]:
    told = {shown(topic) for heard in seen.heard for topic in heard.lag_messages}
    names = [*READ_BY, *sorted(told - READ_BY.keys())]
    return tuple(_lag(topic, seen, window) for topic in names)


def _lag(topic: str, seen: Seen, window: range) -> Lag:
    """Several processes may read one topic, each some of its partitions."""
    messages = [n for heard in seen.heard for t, n in heard.lag_messages.items() if shown(t) == topic]
    seconds = [n for heard in seen.heard for t, n in heard.lag_seconds.items() if shown(t) == topic]
    reader = next((h.name for h in seen.heard if any(shown(t) == topic for t in h.lag_messages)), "")
    return Lag(
        topic=topic,
        service=READ_BY.get(topic, reader),
        messages=int(sum(messages)) if messages else None,
        seconds=max(seconds) if seconds else None,
        minutes=tuple(seen.lagged(topic, minute) for minute in window),
    )


def _part(name: str, everyone: Sequence[Heard]) -> Part:
    """One service, which may be several processes: the worst of them counts."""
    order = ("down", "not-ready", "slow", "up")
    mine = sorted((heard for heard in everyone if heard.name == name), key=lambda heard: order.index(heard.state))
    if not mine:
        return Part(name=name, state="down", last_error=UNLISTED)
    troubled = [heard for heard in mine if heard.last_error]
    latest = max(troubled, key=_erred_at, default=None)
    return Part(
        name=name,
        state=mine[0].state,
        away=tuple(sorted({step for heard in mine for step in heard.away})),
        last_error=latest.last_error if latest else "",
        last_error_at=latest.last_error_at if latest else None,
    )


def _erred_at(heard: Heard) -> float:
    return heard.last_error_at.timestamp() if heard.last_error_at else 0
