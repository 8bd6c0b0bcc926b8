"""Understands how a request waits for its entries' outcomes: all who wait share one look at the database."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

POLL_SECONDS = 0.05
MOST_WAITING = 256  # requests; whoever comes on top of these is answered at once


class Decisions(Protocol):
    """What the poller asks of the store."""

    async def decided(self, submissions: Sequence[str]) -> Sequence[Mapping[str, Any]]: ...
    async def outcomes(self, submission: str) -> Sequence[Mapping[str, Any]]: ...


@dataclass(slots=True)
class _Waiter:
    entries: int
    done: asyncio.Event = field(default_factory=asyncio.Event)


class Outcomes:
    """Waits for submissions to be decided; `run_once` is called by a loop of the process."""

    def __init__(self, decisions: Decisions) -> None:
        self._decisions = decisions
        self._waiting: dict[str, _Waiter] = {}

    async def of(self, submission: str, entries: int, seconds: float) -> dict[int, Mapping[str, Any]]:
        """State, reasons and record by index, as far as known when all are decided or the time is up."""
        if len(self._waiting) < MOST_WAITING:
            waiter = self._waiting[submission] = _Waiter(entries)
            try:
                async with asyncio.timeout(seconds):
                    await waiter.done.wait()
            except TimeoutError:
                pass
            finally:
                del self._waiting[submission]
        return {row["index"]: row for row in await self._decisions.outcomes(submission)}

    async def run_once(self) -> int:
        """One look for everybody. Says how many were woken."""
        if not self._waiting:
            return 0
        woken = 0
        for row in await self._decisions.decided(list(self._waiting)):
            waiter = self._waiting.get(row["submission"])
            if waiter is not None and row["decided"] >= waiter.entries:
                waiter.done.set()
                woken += 1
        return woken


def wait_seconds(prefer: str | None) -> int:
    """N of `Prefer: wait=N` (RFC 7240), at most 30; 0 where nothing sensible is asked for."""
    for preference in (prefer or "").split(","):
        name, _, value = preference.partition(";")[0].partition("=")
        value = value.strip().strip('"')
        if name.strip().lower() == "wait" and value.isascii() and value.isdigit() and len(value) <= 6:
            return min(int(value), 30)
    return 0
