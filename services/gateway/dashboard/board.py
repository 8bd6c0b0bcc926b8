"""Understands when to look again: one look for all viewers, its cost bounded, with a memory of the last half hour."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from credithub.clock import wall
from credithub.errors import Unavailable
from credithub.settings import Settings
from services.gateway.dashboard.ask import ask
from services.gateway.dashboard.figures import MINUTES, Figures, Part, Stored
from services.gateway.dashboard.heard import Neighbour, ask_all, neighbours, ourselves
from services.gateway.dashboard.history import History
from services.gateway.dashboard.look import Seen, build
from services.gateway.dashboard.probe import kafka
from services.gateway.store.database import Database

LISTEN_SECONDS = 10.0  # how often `run_once` is to be called
FRESH_SECONDS = 1.0  # younger figures are shown again
SHARE = 4  # after a look that took d seconds, the next waits at least 4·d: never more than a fifth of the time
RECENT_MINUTES = 3  # of the flow, read at every look; the whole half hour once a minute
WHOLE_SECONDS = 60
CANCELLED = "57014"  # SQLSTATE of a statement that took too long

HealthOf = Callable[[], Mapping[str, Any]]


@dataclass(slots=True, kw_only=True)
class Board:
    """Gives the figures. `run_once` is called by a loop, so that counters are known before anybody looks."""

    database: Database
    settings: Settings
    health: HealthOf
    read: Callable[[Database, datetime], Awaitable[Stored]] = ask
    probe: Callable[[Settings], Awaitable[Part]] = kafka
    _history: History = field(default_factory=History)
    _flow: dict[str, dict[int, int]] = field(default_factory=dict[str, dict[int, int]])
    _whole_at: float = float("-inf")
    _figures: Figures | None = None
    _fresh_until: float = 0.0
    _looking: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def run_once(self) -> int:
        """Only listens to the services; PostgreSQL is asked when somebody looks."""
        heard = await ask_all(self._others())
        self._history.see(wall(), [ourselves(self.health()), *heard])
        return 0

    async def figures(self) -> Figures:
        """As fresh as is sensible; everyone who asks at once gets the same."""
        async with self._looking:
            if self._figures is None or time.monotonic() >= self._fresh_until:
                began = time.monotonic()
                self._figures = await self._look()
                took = time.monotonic() - began
                self._fresh_until = time.monotonic() + max(FRESH_SECONDS, SHARE * took)
            return self._figures

    async def _look(self) -> Figures:
        (stored, postgresql), broker, others = await asyncio.gather(
            self._stored(), self.probe(self.settings), ask_all(self._others())
        )
        at = wall()
        heard = [ourselves(self.health()), *others]
        self._history.see(at, heard)
        return build(
            Seen(
                at=at,
                stored=stored,
                heard=heard,
                kafka=broker,
                postgresql=postgresql,
                counted=self._history.counted,
                lagged=self._history.lagged,
            )
        )

    async def _stored(self) -> tuple[Stored | None, Part]:
        whole = time.monotonic() - self._whole_at >= WHOLE_SECONDS
        minutes = MINUTES if whole else RECENT_MINUTES
        began = time.monotonic()
        since = wall().replace(second=0, microsecond=0) - timedelta(minutes=minutes - 1)
        try:
            stored = await self.read(self.database, since)
        except Unavailable as problem:
            slow = getattr(getattr(problem.__cause__, "orig", None), "sqlstate", None) == CANCELLED
            return None, Part(name="postgresql", state="slow" if slow else "down", last_error=str(problem))
        if whole:
            self._whole_at = began
        part = Part(name="postgresql", state="up", milliseconds=(time.monotonic() - began) * 1000)
        return self._with_earlier_minutes(stored, since), part

    def _with_earlier_minutes(self, stored: Stored, since: datetime) -> Stored:
        """What was read of the flow replaces those minutes; what lies before them is kept from the last whole read."""
        first = int(since.timestamp() // 60)
        for stage in self._flow.keys() | stored.flow.keys():
            kept = {m: n for m, n in self._flow.get(stage, {}).items() if first - MINUTES <= m < first}
            self._flow[stage] = kept | dict(stored.flow.get(stage, {}))
        return replace(stored, flow={stage: dict(minutes) for stage, minutes in self._flow.items()})

    def _others(self) -> tuple[Neighbour, ...]:
        return neighbours(self.settings.services)
