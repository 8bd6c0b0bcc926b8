"""Understands what can be done to a running hub: kill, stop and go on, crash at a named point, break the database's word."""

from __future__ import annotations

import asyncio
import random
import signal
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import aiohttp
import asyncpg

from credithub.crashpoints import POINTS, VARIABLE
from tests.chaos.hub import Hub, call

SERVICES = ("gateway", "ingest", "matcher", "notifier")
# Passed only when the registry has changed.
RECONCILING = frozenset(p for p in POINTS if any(word in p for word in ("topics", "users", "rights", "revoke")))
POINT_SECONDS = 20.0  # a crash point not reached by then is given up for this time
BACK_SECONDS = 90.0
WEIGHTS = {"kill": 5, "pause": 3, "point": 8, "kafka-kill": 2, "kafka-pause": 1, "postgres-kill": 2, "sessions": 2}


@dataclass(slots=True)
class Faults:
    """Does one fault after the other, drawn from the seed; counts what it did and which crash points were hit."""

    hub: Hub
    http: aiohttp.ClientSession
    random: random.Random
    said: Callable[[str], None]
    done: Counter[str] = field(default_factory=Counter[str])
    hit: Counter[str] = field(default_factory=Counter[str])
    _points: list[str] = field(default_factory=list[str])
    _agencies: int = 0

    async def one(self, kind: str = "") -> str:
        """A fault of this kind, or of one that is drawn."""
        kinds = list(WEIGHTS)
        kind = kind or self.random.choices(kinds, [WEIGHTS[k] for k in kinds])[0]
        acts: dict[str, Callable[[], Awaitable[str]]] = {
            "kill": self._kill, "pause": self._pause, "point": self._point, "kafka-kill": self._kafka_kill,
            "kafka-pause": self._kafka_pause, "postgres-kill": self._postgres_kill, "sessions": self._sessions,
        }  # fmt: skip
        what = await acts[kind]()
        self.done[kind] += 1
        self.said(what)
        await self.hub_is_back()
        return what

    async def point(self, name: str) -> None:
        """Dies at this point, whoever passes it; tried three times."""
        for _ in range(3):
            self.said(await self._crash_at(name, 1))
            self.done["point"] += 1
            await self.hub_is_back()
            if self.hit[name]:
                return

    async def hub_is_back(self) -> None:
        """Until all parts live and every service says that it is ready."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + BACK_SECONDS
        services = self.hub.stack.fleet.services
        while True:
            alive = self.hub.stack.running()
            waiting = [name for name in (*SERVICES, "kafka", "postgres") if name not in alive]
            waiting += [name for name in SERVICES if not await asyncio.to_thread(services[name].ready)]
            if not waiting:
                return
            assert loop.time() < deadline, f"not back after {BACK_SECONDS:.0f} s: {sorted(set(waiting))}"
            await asyncio.sleep(0.3)

    async def _kill(self) -> str:
        name = self.random.choice(SERVICES)
        self._send(name, signal.SIGKILL)
        return f"kill -9 {name}"

    async def _pause(self) -> str:
        name, seconds = self.random.choice(SERVICES), self.random.uniform(1, 6)
        await self._stopped(name, seconds)
        return f"stop {name} for {seconds:.1f} s"

    async def _kafka_kill(self) -> str:
        self._send("kafka", signal.SIGKILL)
        return "kill -9 kafka"

    async def _kafka_pause(self) -> str:
        seconds = self.random.uniform(2, 8)
        await self._stopped("kafka", seconds)
        return f"stop kafka for {seconds:.1f} s"

    async def _postgres_kill(self) -> str:
        running = self.hub.stack.running().get("postgres")
        if running is not None:
            await asyncio.to_thread(running.kill)
        return "kill -9 postgres"

    async def _sessions(self) -> str:
        """The database ends every session of one service: a transaction dies with its answer unknown."""
        name = self.random.choice(SERVICES)
        url = self.hub.stack.infra.postgres.url("credithub_admin").replace("+asyncpg", "")
        connection = await asyncpg.connect(url)
        try:
            ended = await connection.fetchval(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = $1", f"credithub_{name}"
            )
        finally:
            await connection.close()
        return f"{ended} database sessions of {name} ended"

    async def _point(self) -> str:
        """Starts the owner of a crash point anew with that point armed, and waits until it dies there."""
        if not self._points:
            self._points = sorted(POINTS)
            self.random.shuffle(self._points)
        return await self._crash_at(self._points.pop(), self.random.choice((1, 1, 2, 3)))

    async def _crash_at(self, point: str, nth: int) -> str:
        name = self._owner(point)
        service, before = self.hub.stack.fleet.services[name], self._hits(point)
        clean = dict(service.env)
        service.env = {**clean, VARIABLE: f"{point}:{nth}"}
        self._send(name, signal.SIGKILL)
        if point in RECONCILING:
            await self._change_the_registry()
        reached = await self._until_hit(point, before)
        service.env = clean
        self._send(name, signal.SIGKILL)  # whoever lives now may still be armed
        if reached:
            self.hit[point] += 1
        return f"crash {point}:{nth} in {name}{'' if reached else ' (not reached)'}"

    async def _change_the_registry(self) -> None:
        """An agency joins and leaves again, so that the reconciler has something to do."""
        self._agencies += 1
        name, key = f"safe-13{self._agencies:02d}00", self.hub.stack.context.key
        asked = {"id": name, "name_zh": f"{name}（演示）", "name_en": name, "channels": ["kafka"], "demo": True}
        await self._insist("POST", "/v1/agencies", key, asked)
        await asyncio.sleep(2)
        await self._insist("DELETE", f"/v1/agencies/{name}", key, None)

    async def _insist(self, method: str, path: str, key: str, body: object) -> None:
        for _ in range(20):
            try:
                await call(self.http, method, path, key, body)
            except (aiohttp.ClientError, OSError, TimeoutError, AssertionError):
                await asyncio.sleep(0.5)
            else:
                return

    def _owner(self, point: str) -> str:
        room = point.split(".", maxsplit=1)[0]
        return self.random.choice(("matcher", "notifier")) if room == "relay" else room

    async def _until_hit(self, point: str, before: int) -> bool:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + POINT_SECONDS
        while loop.time() < deadline:
            if self._hits(point) > before:
                return True
            await asyncio.sleep(0.1)
        return False

    def _hits(self, point: str) -> int:
        ledger = self.hub.ledger
        return ledger.read_text(encoding="utf-8").split().count(point) if ledger.exists() else 0

    async def _stopped(self, name: str, seconds: float) -> None:
        self._send(name, signal.SIGSTOP)
        try:
            await asyncio.sleep(seconds)
        finally:
            self._send(name, signal.SIGCONT)

    def _send(self, name: str, number: signal.Signals) -> None:
        self.hub.stack.supervisor.forgive()
        running = self.hub.stack.running().get(name)
        if running is not None:
            running.send(number)
