"""Understands the loop of delivery: begin what is due, call, conclude; one loop a lane, no agency waits for another."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from credithub import metrics
from credithub.clock import wall
from credithub.crashpoints import crashpoint
from credithub.db.engine import AsyncEngine
from credithub.domain.notifications import Lane
from credithub.log import logger
from services.notifier.bell import Bell
from services.notifier.channels import ATTEMPT_SECONDS, Channels
from services.notifier.rules import Backoff, Key, Next, Task, Try, conclude
from services.notifier.store import trying
from services.notifier.store.connection import lock_tasks, transaction
from services.notifier.store.trying import Parcel, Result

AT_ONCE = 1_000  # attempts that one loop has open
EACH = 250  # of them for one agency, so that one that hangs leaves room for the rest
POLL_SECONDS = 0.1
LEASE_SECONDS = 20.0  # an attempt open for longer has lost its process; above ATTEMPT_SECONDS
REAP_AT_ONCE = 1_000


@dataclass(slots=True)
class Deliverer:
    """Delivers one lane. Calls run beside the loop; their results are concluded together, in one transaction."""

    engine: AsyncEngine
    lane: Lane
    channels: Channels
    bell: Bell
    _calls: set[asyncio.Task[list[Result]]] = field(default_factory=set[asyncio.Task[list[Result]]])
    _open: Counter[str] = field(default_factory=Counter[str])
    _ended: list[Result] = field(default_factory=list[Result])

    async def run_once(self) -> int:
        """Concludes what has ended and begins what is due; gives the number of both."""
        return await self._conclude() + await self._begin()

    async def wait(self) -> int:
        """One round, then rest until the bell: a loop's step."""
        done = await self.run_once()
        if not done:
            await self.bell.heard(POLL_SECONDS)
        return 1

    async def drain(self) -> None:
        """Begins nothing more; waits for what is open and concludes it."""
        while self._calls or self._ended:
            if self._calls:
                await asyncio.wait(self._calls, timeout=ATTEMPT_SECONDS)
            await self._conclude()

    async def _begin(self) -> int:
        room = AT_ONCE - self._open.total()
        if room <= 0 or not self.channels:
            return 0
        full = [agency for agency, number in self._open.items() if number >= EACH]
        async with transaction(self.engine) as conn:
            begun = await trying.begin(conn, self.lane, tuple(self.channels), full=full, each=EACH, most=room)
        if begun:
            crashpoint("notifier.after_begin_before_send")
        groups: dict[tuple[str, str], list[Parcel]] = defaultdict(list)
        for parcel in begun:
            groups[parcel.agency, parcel.channel].append(parcel)
        for (agency, channel), parcels in groups.items():
            self._call(agency, channel, parcels)
        return len(begun)

    def _call(self, agency: str, channel: str, parcels: Sequence[Parcel]) -> None:
        self._open[agency] += len(parcels)
        call = asyncio.create_task(self._attempt(agency, channel, parcels))
        self._calls.add(call)
        call.add_done_callback(lambda _: self.bell.ring())

    async def _attempt(self, agency: str, channel: str, parcels: Sequence[Parcel]) -> list[Result]:
        try:
            async with asyncio.timeout(ATTEMPT_SECONDS):
                return await self.channels[channel].deliver(agency, parcels)
        except TimeoutError:
            return [Result(parcel=parcel, outcome="unknown", detail="no answer in time") for parcel in parcels]

    def _collect(self) -> None:
        for call in [call for call in self._calls if call.done()]:
            self._calls.discard(call)
            results = call.result()  # what a channel raises is a bug: it ends the process, the reaper ends the attempt
            self._ended += results
            for result in results:
                self._open[result.parcel.agency] -= 1
        self._open = +self._open

    async def _conclude(self) -> int:
        """A commit whose outcome is unknown is done again: the claim tells whether it had been applied."""
        self._collect()
        if not self._ended:
            return 0
        crashpoint("notifier.after_send_before_conclude")
        ended, began = list(self._ended), time.monotonic()
        await conclude_all(self.engine, ended, self.channels)
        self._ended = self._ended[len(ended) :]
        crashpoint("notifier.after_conclude")
        metrics.BATCH_SECONDS.labels(f"deliver-{self.lane}").observe(time.monotonic() - began)
        _tell(self.lane, ended)
        return len(ended)


@dataclass(slots=True)
class Reaper:
    """Ends attempts whose process is gone: their outcome is unknown, whoever began them (interleavings 12)."""

    engine: AsyncEngine
    channels: Channels
    bells: Sequence[Bell]
    lease: float = LEASE_SECONDS

    async def run_once(self) -> int:
        async with transaction(self.engine) as conn:
            late = await trying.overdue(conn, self.lease, REAP_AT_ONCE)
        if not late:
            return 0
        lost = [Result(parcel=parcel, outcome="unknown", detail="its process is gone") for parcel in late]
        await conclude_all(self.engine, lost, self.channels)
        logger().warning("attempts.reaped", number=len(late))
        for bell in self.bells:
            bell.ring()
        return len(late)


async def conclude_all(engine: AsyncEngine, ended: Sequence[Result], channels: Channels) -> None:
    async with transaction(engine) as conn:
        tasks = await lock_tasks(conn, [result.parcel.key for result in ended if result.parcel.obligation is not None])
        await trying.conclude(conn, [(result, _next(result, tasks, channels)) for result in ended])


def _next(result: Result, tasks: dict[Key, Task], channels: Channels) -> Next:
    parcel = result.parcel
    channel = channels.get(parcel.channel)
    trial = Try(outcome=result.outcome, version=parcel.version, attempts=parcel.attempts, made_at=parcel.made_at)
    backoff = channel.backoff if channel else Backoff()
    return conclude(trial, tasks.get(parcel.key), backoff, wall(), random.random())


def _tell(lane: str, ended: Sequence[Result]) -> None:
    counts = Counter((result.parcel.channel, result.outcome) for result in ended)
    for (channel, outcome), number in counts.items():
        metrics.ATTEMPTS.labels(channel, outcome).inc(number)
    logger().info(
        "attempts.concluded",
        lane=lane,
        agencies=len({result.parcel.agency for result in ended}),
        **{f"{channel}_{outcome}": number for (channel, outcome), number in counts.items()},
    )
