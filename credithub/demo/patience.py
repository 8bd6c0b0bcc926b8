"""Understands waiting until nothing moves any more: visibly, and not for ever."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from credithub.demo.narration import Narrator

STALL = 45.0  # seconds without any move, after which more waiting is of no use
DEADLINE = 300.0  # seconds for one wait
PAUSE = 0.5


@dataclass(frozen=True, slots=True)
class Patience:
    narrator: Narrator
    stall: float = STALL
    deadline: float = DEADLINE
    pause: float = PAUSE

    async def until(self, what: str, ask: Callable[[], Awaitable[int]]) -> bool:
        """Asks how much is to come until it is nothing. False: it stopped moving, or took too long."""
        began = moved = time.monotonic()
        least = await ask()
        while (left := least) > 0:
            self.narrator.open(what, left)
            await asyncio.sleep(self.pause)
            least = await ask()
            moved = time.monotonic() if least != left else moved
            if time.monotonic() - moved > self.stall or time.monotonic() - began > self.deadline:
                self.narrator.note("stuck", what=self.narrator.text(what), seconds=time.monotonic() - moved, n=least)
                return False
        self.narrator.quiet()
        return True
