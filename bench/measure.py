"""Understands one measurement: a figure beside its floor, and the processor time both took."""

from __future__ import annotations

import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import psutil

ROUNDS = 3  # floor and path in turn, so that a machine whose speed drifts hurts both; medians are kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """`floor` is the bare code's figure of the same run; None where there is none. CPU is in cores used."""

    path: str
    figure: float
    unit: str
    floor: float | None
    cpu: float
    floor_cpu: float | None
    reach: float | None  # the ratio to reach, or where there is no floor the figure
    most: float | None = None  # where less is better: the figure may not be above this, and `reach` is not asked for

    @property
    def ratio(self) -> float | None:
        return round(self.figure / self.floor, 3) if self.floor else None

    @property
    def reached(self) -> bool:
        if self.most is not None:
            return self.figure <= self.most
        value = self.ratio if self.floor else self.figure
        return self.reach is None or (value is not None and value >= self.reach)


@dataclass(frozen=True, slots=True)
class Timed:
    per_second: float
    cores: float


Work = Callable[[], Awaitable[int]]  # does the work once, gives how many things it did
Run = Callable[[], Awaitable[Work]]  # prepares one piece of work, outside the clock


async def timed(run: Run) -> Timed:
    """Runs once; everything on the machine counts as its processor time, clients and databases included."""
    work = await run()
    before, began = busy_seconds(), time.perf_counter()
    done = await work()
    seconds = time.perf_counter() - began
    return Timed(done / seconds, (busy_seconds() - before) / seconds)


async def against_floor(path: str, unit: str, run: Run, floor: Run, reach: float, rounds: int = ROUNDS) -> Figure:
    """Floor and path in turn, each warmed once; medians."""
    await timed(floor)
    await timed(run)
    floors: list[Timed] = []
    ours: list[Timed] = []
    for _ in range(rounds):
        floors.append(await timed(floor))
        ours.append(await timed(run))
    return Figure(
        path=path,
        figure=round(_median([t.per_second for t in ours])),
        unit=unit,
        floor=round(_median([t.per_second for t in floors])),
        cpu=round(_median([t.cores for t in ours]), 2),
        floor_cpu=round(_median([t.cores for t in floors]), 2),
        reach=reach,
    )


def _median(values: Sequence[float]) -> float:
    return statistics.median(values)


def busy_seconds() -> float:
    """Seconds of processor time that the whole machine has spent on anything but idling."""
    times = psutil.cpu_times()
    return times.user + times.system
