"""Understands the life of a process: start, tell how it is, drain, stop; die loudly when it cannot go on."""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import uvloop
from aiohttp import web

from credithub import log, metrics
from credithub.clock import stamp, wall
from credithub.errors import Unavailable
from credithub.settings import Settings

START_SECONDS = 60  # how long a dependency may take to come up before we give up
REST_AFTER_TROUBLE = 0.5  # seconds between tries while a dependency is away
GARBAGE = (50_000, 20, 50)  # collect less often than Python would: a batch alone makes more than its 700 objects


class Step(Protocol):
    """A background job: does one piece of work and says how many things it did."""

    async def run_once(self) -> int: ...


@dataclass(slots=True)
class Health:
    """What /healthz and /readyz answer, and the last error for the dashboard."""

    service: str
    ready: bool = False
    last_error: str = ""
    last_error_at: str = ""
    away: set[str] = field(default_factory=set[str])

    def trouble(self, step: str, problem: BaseException) -> None:
        self.last_error, self.last_error_at = f"{step}: {problem}"[:500], stamp(wall())
        self.away.add(step)

    def fine(self, step: str) -> None:
        self.away.discard(step)

    def as_json(self) -> dict[str, object]:
        return {
            "service": self.service,
            "ready": self.ready and not self.away,
            "away": sorted(self.away),
            "last_error": self.last_error,
            "last_error_at": self.last_error_at,
        }


@dataclass(slots=True)
class Process:
    """One running service: named steps, each in its own loop, until a signal comes."""

    name: str
    settings: Settings
    health: Health
    stopping: asyncio.Event = field(default_factory=asyncio.Event)

    async def repeat(self, name: str, step: Callable[[], Awaitable[int]], rest: float | None = None) -> None:
        """Runs a step again and again; rests when it found nothing, waits when a dependency is away."""
        pause = self.settings.poll_ms / 1000 if rest is None else rest
        while not self.stopping.is_set():
            try:
                done = await step()
            except Unavailable as problem:
                self.health.trouble(name, problem)
                metrics.DEPENDENCY_ERRORS.labels(name).inc()
                log.logger().warning("dependency.away", step=name, error=str(problem)[:300])
                await self.wait(REST_AFTER_TROUBLE)
                continue
            self.health.fine(name)
            if not done:
                await self.wait(pause)

    async def wait(self, seconds: float) -> None:
        """Rests, but wakes at once when the process is told to stop."""
        try:
            async with asyncio.timeout(seconds):
                await self.stopping.wait()
        except TimeoutError:
            return

    async def until_up(self, name: str, start: Callable[[], Awaitable[None]]) -> None:
        """Starts a dependency, trying again while it is away, at most START_SECONDS."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + START_SECONDS
        while True:
            try:
                return await start()
            except Unavailable as problem:
                self.health.trouble(name, problem)
                if loop.time() > deadline or self.stopping.is_set():
                    raise
                await self.wait(REST_AFTER_TROUBLE)

    async def watch(self, silent_for: Callable[[], float]) -> None:
        """Exits the process when the broker has not been heard too long: a supervisor starts it anew."""
        while not self.stopping.is_set():
            if silent_for() > self.settings.silence_seconds:
                raise SystemExit(f"{self.name}: nothing heard from Kafka for {silent_for():.0f} s")
            await self.wait(1.0)


Main = Callable[[Process], Awaitable[None]]


def run(name: str, main: Main, settings: Settings | None = None) -> None:
    """Runs a service until SIGTERM or SIGINT. `main` sets it up, loops while not stopping, and cleans up."""
    settings = settings or Settings.from_env()
    log.configure(name, settings.log_level)
    gc.freeze()  # what start-up made stays; batches make much and drop it at once
    gc.set_threshold(*GARBAGE)
    uvloop.run(_run(name, main, settings))


async def _run(name: str, main: Main, settings: Settings) -> None:
    process = Process(name, settings, Health(name))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, process.stopping.set)
    server = await _serve_health(process) if settings.health_port else None
    try:
        log.logger().info("service.starting")
        await main(process)
    finally:
        if server is not None:
            await server.cleanup()
        log.logger().info("service.stopped")


async def _serve_health(process: Process) -> web.AppRunner:
    async def healthz(_: web.Request) -> web.Response:
        return web.json_response({"service": process.name, "alive": True})

    async def readyz(_: web.Request) -> web.Response:
        state = process.health.as_json()
        return web.json_response(state, status=200 if state["ready"] else 503)

    async def exposition(_: web.Request) -> web.Response:
        return web.Response(body=metrics.exposition(), content_type="text/plain", charset="utf-8")

    app = web.Application()
    app.add_routes([web.get("/healthz", healthz), web.get("/readyz", readyz), web.get("/metrics", exposition)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, process.settings.health_host, process.settings.health_port).start()
    return runner


async def run_loops(loops: Sequence[Awaitable[None]]) -> None:
    """Runs loops together; the first that fails ends the process."""
    async with asyncio.TaskGroup() as group:
        for loop in loops:
            group.create_task(_as_coroutine(loop))


async def _as_coroutine(loop: Awaitable[None]) -> None:
    await loop
