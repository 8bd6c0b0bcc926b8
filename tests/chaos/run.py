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


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to strike: named points, kinds, and as many drawn faults as are missing to `faults`."""

    points: Sequence[str]
    kinds: Sequence[str]
    faults: int


def run(
    data: Path,
    *,
    faults: int,
    events: int,
    seed: int,
    said: Callable[[str], None],
    points: Sequence[str] = (),
    kinds: Sequence[str] = (),
) -> Outcome:
    """`points`: crash points to be hit first, each of them; `kinds`: of faults, each once; they count among the faults."""
    plan = Plan(points=points, kinds=kinds, faults=faults)
    with broken_hub(data) as hub:
        return asyncio.run(_run(hub, events=events, seed=seed, said=said, plan=plan))


async def _run(hub: Hub, *, events: int, seed: int, said: Callable[[str], None], plan: Plan) -> Outcome:
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
        await _strike(load, breaking, plan)
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


async def _strike(load: Load, breaking: Faults, plan: Plan) -> None:
    """First each of the named points and kinds, then faults as the seed draws them, with enough entries in flight."""
    for point in plan.points:
        await load.busy()
        await breaking.point(point)
    for kind in plan.kinds:
        await load.busy()
        await breaking.one(kind)
    while sum(breaking.done.values()) < plan.faults:
        await load.busy()
        await breaking.one()
