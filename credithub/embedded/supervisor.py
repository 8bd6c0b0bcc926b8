"""Understands when a part that died is started again: soon at first, then ever later, at most every ten seconds."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Event
from typing import Protocol

from credithub.errors import CreditHubError

FIRST, LONGEST = 0.2, 10.0  # seconds before a new try
SETTLED = 30.0  # seconds alive after which a death counts as the first again
LOOK = 0.2


class Part(Protocol):
    """Something that runs and can be started again on the same ports."""

    def alive(self) -> bool: ...

    def start_again(self) -> None: ...


@dataclass(slots=True)
class _Watch:
    deaths: int = 0
    since: float = 0.0
    due: float | None = None


@dataclass(slots=True)
class Supervisor:
    """Looks at every part in turn. Names in `left_alone` are not touched (a test is breaking them)."""

    parts: Mapping[str, Part]
    died: Callable[[str, int, float], object]
    clock: Callable[[], float] = time.monotonic
    left_alone: set[str] = field(default_factory=set[str])
    _watches: dict[str, _Watch] = field(default_factory=dict[str, _Watch])

    def deaths(self, name: str) -> int:
        return self._watches[name].deaths if name in self._watches else 0

    def forgive(self) -> None:
        """Forgets all deaths: they were somebody's purpose (chaos), and the next start need not wait for them."""
        for watch in self._watches.values():
            watch.deaths = 0

    def run_once(self) -> None:
        for name, part in self.parts.items():
            if name not in self.left_alone:
                self._look(name, part, self._watches.setdefault(name, _Watch(since=self.clock())))

    def run(self, stop: Event) -> None:
        while not stop.wait(LOOK):
            self.run_once()

    def _look(self, name: str, part: Part, watch: _Watch) -> None:
        now = self.clock()
        if part.alive():
            if now - watch.since > SETTLED:
                watch.deaths = 0
            return
        if watch.due is None:
            watch.deaths += 1
            rest = min(FIRST * 2 ** (watch.deaths - 1), LONGEST)
            watch.due = now + rest
            self.died(name, watch.deaths, rest)
        elif now >= watch.due:
            watch.due, watch.since = None, now
            try:
                part.start_again()
            except (CreditHubError, OSError):
                return  # it is still not alive: the next look counts that as one more death
