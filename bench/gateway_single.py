"""Understands the path of one event a request, 64 in flight, beside FastAPI with a bare producer."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import orjson

from bench.events import licence
from bench.hub import Hub
from bench.load import Target, pour
from bench.measure import Figure, Run, Work, against_floor
from bench.parts import ROOT, bare_topics
from credithub.embedded.ports import choose

REQUESTS = 6_000
IN_FLIGHT = 64
HEADERS = {"Content-Type": "application/cloudevents+json"}


async def measure(hub: Hub) -> Figure:
    await bare_topics(hub.stack.infra.admin_settings())
    ours = Target(
        host="127.0.0.1", port=hub.port, path="/v1/events",
        headers={**HEADERS, "Authorization": f"Bearer {hub.supplier_key}"},
    )  # fmt: skip
    async with _bare(hub) as bare:
        with hub.gateway_alone():
            return await against_floor(
                "gateway-single", "events/s", run=_pouring(ours), floor=_pouring(bare), reach=0.75
            )


def _pouring(target: Target) -> Run:
    async def run() -> Work:
        bodies = [orjson.dumps(licence()) for _ in range(REQUESTS)]

        async def work() -> int:
            statuses = await pour(target, bodies, IN_FLIGHT)
            assert set(statuses) == {202}, set(statuses)
            return len(statuses)

        return work

    return run


@asynccontextmanager
async def _bare(hub: Hub) -> AsyncGenerator[Target]:
    port = choose(0).port
    settings = hub.stack.infra.admin_settings()
    env = {
        "CREDITHUB_KAFKA_BOOTSTRAP": settings.kafka_bootstrap,
        "CREDITHUB_KAFKA_USER": settings.kafka_user,
        "CREDITHUB_KAFKA_PASSWORD": settings.kafka_password,
        "PATH": "/usr/bin:/bin",
    }
    process = subprocess.Popen(  # noqa: ASYNC220
        [sys.executable, "-m", "bench.bare_gateway", str(port)], cwd=ROOT, env=env
    )
    target = Target(host="127.0.0.1", port=port, path="/", headers=HEADERS)
    try:
        await _answers(target)
        yield target
    finally:
        process.terminate()
        process.wait(10)


async def _answers(target: Target) -> None:
    async with asyncio.timeout(20):
        while True:
            try:
                await pour(target, [orjson.dumps(licence())], 1)
            except OSError:
                await asyncio.sleep(0.1)
            else:
                return
