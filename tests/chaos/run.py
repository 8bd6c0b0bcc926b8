"""Understands one run of chaos: load, faults at bad moments, healing, and the checker's judgement."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from credithub.crashpoints import POINTS
from tests.chaos.agencies import Agency
from tests.chaos.checker import Breach, breaches
from tests.chaos.faults import Faults
from tests.chaos.hub import CHANNELS, Hub, broken_hub, furnish
from tests.chaos.load import Load
from tests.chaos.reading import read_world, until_quiet
from tests.chaos.story import tellers


@dataclass(slots=True, kw_only=True)
class Outcome:
    seed: int
    breaches: list[Breach] = field(default_factory=list[Breach])
    unquiet: dict[str, int] = field(default_factory=dict[str, int])
    figures: dict[str, int] = field(default_factory=dict[str, int])
    points: dict[str, int] = field(default_factory=dict[str, int])

    @property
    def sound(self) -> bool:
        return not self.breaches and not self.unquiet


def run(
    data: Path, *, faults: int, events: int, seed: int, said: Callable[[str], None], points: Sequence[str] = ()
) -> Outcome:
    """`points`: crash points to be hit first, each of them; they count among the faults."""
    with broken_hub(data) as hub:
        return asyncio.run(_run(hub, faults=faults, events=events, seed=seed, said=said, points=points))


async def _run(
    hub: Hub, *, faults: int, events: int, seed: int, said: Callable[[str], None], points: Sequence[str]
) -> Outcome:
    began = time.monotonic()
    limit = aiohttp.ClientTimeout(total=60)
    async with aiohttp.ClientSession(hub.url, timeout=limit, trust_env=False) as http:
        await furnish(hub, http)
        load = Load(hub, http)
        stories = tellers(seed, {agency: hub.source(agency) for agency in hub.keys})
        agencies = [Agency(name, hub, http) for name in CHANNELS]
        listening = [asyncio.create_task(agency.listen()) for agency in agencies]
        await load.register(stories)
        breaking = Faults(hub, http, random.Random(seed), said)
        telling = [asyncio.create_task(load.tell(t, events // len(stories))) for t in stories]
        await _strike(load, breaking, faults, points)
        load.enough = True
        await asyncio.gather(*telling)
        await breaking.hub_is_back()
        said(f"{len(load.promises)} 条回执在手，等待平静 / receipts held, waiting until quiet …")
        left = await until_quiet(hub, http, load.promises)
        world = await read_world(hub, http, load.promises, agencies)
        for task in listening:
            task.cancel()
        await asyncio.gather(*listening, return_exceptions=True)
    return Outcome(
        seed=seed,
        breaches=breaches(world),
        unquiet=left,
        figures={
            "faults": sum(breaking.done.values()), **breaking.done, "promises": len(world.promises),
            "requests": load.requests, "sent again": load.again, "archived": len(world.archive),
            "obligations": len(world.duties), "notifications": len(world.told), "received": len(world.received),
            "seconds": round(time.monotonic() - began),
        },
        points={point: breaking.hit[point] for point in sorted(POINTS)},
    )  # fmt: skip


async def _strike(load: Load, breaking: Faults, faults: int, points: Sequence[str]) -> None:
    """First each of the named points, then faults as the seed draws them, each with enough entries in flight."""
    for point in points:
        await load.busy()
        await breaking.point(point)
    while sum(breaking.done.values()) < faults:
        await load.busy()
        await breaking.one()
