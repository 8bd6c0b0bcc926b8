"""Understands stories: walks told by their numbers alone, played on a fresh database, and shortened when they end badly."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from tests.harness.ground import Databases
from tests.integration.life.laws import Broken
from tests.integration.life.walk import Walk

Numbers = Sequence[int]


@dataclass(frozen=True)
class Played:
    """How a story went: `broken` None when every law held after every step."""

    walk: Walk
    broken: Exception | None

    @property
    def law(self) -> str:
        """What must break again for a shorter story to be the same one."""
        return str(self.broken).partition(":")[0] if isinstance(self.broken, Broken) else type(self.broken).__name__

    def __str__(self) -> str:
        lines = [f"{n:5} {act}" for n, act in enumerate(self.walk.story, 1)]
        return "\n".join([*lines, f"      {self.broken!r}"])


def numbers(seed: int, count: int) -> list[int]:
    random = Random(seed)
    return [random.getrandbits(32) for _ in range(count)]


def play(
    databases: Databases, story: Numbers, only: Sequence[str] = (), *, turns: bool = True, likely: Sequence[str] = ()
) -> Played:
    """Plays a story to its end, or to the first law that it breaks. `likely`: events that come more often."""
    database = databases.fresh()

    async def tell() -> Played:
        walk = await Walk.begin(database, turns=turns)
        walk.likely = dict.fromkeys(likely, 3.0)
        try:
            for number in story:
                await walk.step(number, only)
            await walk.laws.count()
        except Exception as problem:  # noqa: BLE001 - whatever breaks is what we look for
            return Played(walk, problem)
        finally:
            await walk.end()
        return Played(walk, None)

    try:
        return asyncio.run(tell())
    finally:
        databases.back(database.name)


def shortened(story: Numbers, bad: Callable[[Numbers], bool], seconds: float) -> list[int]:
    """Leaves out ever smaller parts, as long as the story ends as badly (delta debugging), and as time allows."""
    left, size, end = list(story), max(1, len(story) // 2), time.monotonic() + seconds
    while time.monotonic() < end:
        at = 0
        while at < len(left) and time.monotonic() < end:
            shorter = left[:at] + left[at + size :]
            if shorter and bad(shorter):
                left = shorter
            else:
                at += size
        if size == 1:
            return left
        size = max(1, size // 2)
    return left
