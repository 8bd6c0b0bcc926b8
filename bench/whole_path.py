"""Understands the whole path by batch POST: one in ten triggers four obligations, told by topic and by pull."""

from __future__ import annotations

import asyncio
import json
import time
import urllib.request
from typing import Any

from bench.events import SUBJECTS, batches, mixed, registration
from bench.hub import AGENCIES, Hub
from bench.load import Target, pour
from bench.measure import Figure, Work, timed
from credithub.db.engine import make_engine, text

EVENTS = 15_000
SIZE = 250
IN_FLIGHT = 4
DEADLINE = 120  # seconds
REACH = 1_000  # events/s; no floor
OBLIGATIONS = 4


async def measure(hub: Hub) -> Figure:
    await register(hub)
    agencies = [(f"{name}-130822", channels[0]) for name, channels in AGENCIES.items()]
    pulls = [Pull(hub, name) for name, channel in agencies if channel == "pull"]
    before = await _delivered(hub)
    bodies = batches(mixed(EVENTS), SIZE)

    async def work() -> int:
        async with asyncio.TaskGroup() as group:
            for pull in pulls:
                group.create_task(pull.until_stopped())
            statuses = await pour(target(hub), bodies, IN_FLIGHT)
            assert set(statuses) == {202}, set(statuses)
            await _until_delivered(hub, before + EVENTS // 10 * OBLIGATIONS)
            for pull in pulls:
                pull.stop = True
        return EVENTS

    async def ready() -> Work:
        return work

    seen = await timed(ready)
    return Figure(
        path="whole-path", figure=round(seen.per_second), unit="events/s", floor=None, cpu=round(seen.cores, 2),
        floor_cpu=None, reach=REACH,
    )  # fmt: skip


def target(hub: Hub) -> Target:
    headers = {"Content-Type": "application/cloudevents-batch+json", "Authorization": f"Bearer {hub.supplier_key}"}
    return Target(host="127.0.0.1", port=hub.port, path="/v1/events", headers=headers)


async def register(hub: Hub) -> None:
    """Every subject gets its seat in the register, so that obligations find their agencies."""
    events = [registration(n) for n in range(SUBJECTS)]
    statuses = await pour(target(hub), batches(events, 500), 2)
    assert set(statuses) == {202}, set(statuses)
    await until(hub, "SELECT count(*) FROM matcher.subjects_v WHERE seat IS NOT NULL", SUBJECTS)


async def _delivered(hub: Hub) -> int:
    return await count(hub, "SELECT count(*) FROM notifier.deliveries_v WHERE state = 'delivered'")


async def _until_delivered(hub: Hub, wanted: int) -> None:
    await until(hub, "SELECT count(*) FROM notifier.deliveries_v WHERE state = 'delivered'", wanted)


async def until(hub: Hub, question: str, wanted: int) -> None:
    deadline = time.monotonic() + DEADLINE
    while (seen := await count(hub, question)) < wanted:
        assert time.monotonic() < deadline, f"{seen} of {wanted} after {DEADLINE} s: {question}"
        await asyncio.sleep(0.1)


async def count(hub: Hub, question: str) -> int:
    (row,) = await rows(hub, question)
    return int(row["count"])


async def rows(hub: Hub, question: str) -> list[dict[str, Any]]:
    """What a superuser sees."""
    engine = make_engine(hub.stack.infra.admin_settings(), "bench", pool=1)
    try:
        async with engine.connect() as conn:
            return [dict(row) for row in (await conn.execute(text(question))).mappings()]
    finally:
        await engine.dispose()


class Pull:
    """An agency that reads its pull feed without rest."""

    def __init__(self, hub: Hub, agency: str, limit: int = 1000) -> None:
        assert hub.agency_keys is not None
        self.url = f"{hub.stack.context.url}/v1/notifications?limit={limit}"
        self.key = hub.agency_keys[agency]
        self.after = ""
        self.stop = False

    async def until_stopped(self) -> None:
        while not self.stop:
            if not await asyncio.to_thread(self._read):
                await asyncio.sleep(0.1)

    def _read(self) -> int:
        request = urllib.request.Request(  # noqa: S310
            self.url + (f"&after={self.after}" if self.after else ""), headers={"Authorization": f"Bearer {self.key}"}
        )
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30) as response:
            page = json.loads(response.read())
        self.after = page["next"] or self.after
        self.hear([row["notification"] for row in page["notifications"] if row["notification"]])
        return len(page["notifications"])

    def hear(self, told: list[dict[str, Any]]) -> None:
        """What the page brought; nothing is done with it here."""
