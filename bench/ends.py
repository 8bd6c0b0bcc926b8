"""Understands how long an end takes to reach a live agency while 10 000 triggers wait in its queue, beside a bare topic."""

from __future__ import annotations

import asyncio
import itertools
import sys
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from bench.events import batches, penalty
from bench.hub import AGENCIES, Hub
from bench.load import pour
from bench.measure import Figure, busy_seconds
from bench.parts import bare_topics
from bench.whole_path import Pull, count, register, rows, target, until
from credithub.domain.notifications import Notification, message_id
from credithub.kafka.connection import aiokafka_options
from credithub.kafka.producer import Producer
from credithub.topics import NOTIFICATIONS, agency_topics

HELD, LATE = 150, 50  # records whose triggers have arrived; records whose triggers wait among the 10 000
QUEUE = 10_000  # triggers that wait for each agency, from the first end to the last
FILL = 4_000  # put on top whenever fewer than a quarter more wait
PAUSE = 0.04  # seconds between two acts
MOST = 10.0  # seconds
DEADLINE = 60
# Attempts of a version that began although one of a higher version had begun before, on any channel.
LOWER = """
    SELECT count(*) FROM (
        SELECT d.version, max(d.version) OVER (PARTITION BY d.agency, d.obligation ORDER BY a.started_at
                                               ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
          FROM notifier.attempts a JOIN notifier.deliveries d ON d.agency = a.agency AND d.message = a.message
           AND d.channel = a.channel WHERE d.obligation NOT LIKE 'obl_bench_%') x
     WHERE version < before
"""
OBLIGATIONS = "SELECT count(*) FROM matcher.obligations_v"
ARRIVED = "SELECT count(*) FROM notifier.deliveries_v WHERE obligation LIKE 'obl_bench_%' AND state = 'delivered'"


@dataclass(slots=True)
class Desks:
    """The four agencies: what each heard of what is not mere queue, and when."""

    heard: dict[str, tuple[dict[str, Any], float]] = field(default_factory=dict[str, "tuple[dict[str, Any], float]"])
    readers: list[asyncio.Task[None]] = field(default_factory=list["asyncio.Task[None]"])

    def hear(self, told: list[dict[str, Any]]) -> None:
        now = time.time()
        for one in told:
            if not one["obligation"].startswith("obl_bench_"):
                self.heard.setdefault(one["message"], (one, now))

    def of(self, state: str) -> list[dict[str, Any]]:
        return [told for told, _ in self.heard.values() if told["state"] == state]

    async def until(self, number: int, state: str) -> None:
        deadline = time.monotonic() + DEADLINE
        while (seen := len(self.of(state))) < number:
            for reader in self.readers:
                if reader.done():
                    reader.result()
            assert time.monotonic() < deadline, f"{seen} of {number} {state} after {DEADLINE} s"
            await asyncio.sleep(0.05)

    def seconds(self, channel: str) -> list[float]:
        """From the moment at which the matcher issued an end to its arrival."""
        mine = {f"{name}-130822" for name, channels in AGENCIES.items() if channel in channels}
        ends = [
            (told, at) for told, at in self.heard.values() if told["state"] != "triggered" and told["agency"] in mine
        ]
        return sorted(at - datetime.fromisoformat(told["issued_at"]).timestamp() for told, at in ends)


@dataclass(slots=True)
class Queue:
    """Triggers for each agency, put into the lane of the rest as the relay puts them, never fewer than so many."""

    hub: Hub
    producer: Producer
    patterns: list[Notification]  # one of each agency
    put: int = 0  # for each agency
    least: int = 1 << 31
    enough: bool = False
    _numbers: itertools.count[int] = field(default_factory=itertools.count)

    async def fill(self, number: int) -> None:
        records: list[tuple[bytes, bytes]] = []
        for n in itertools.islice(self._numbers, number):
            for pattern in self.patterns:
                obligation = f"obl_bench_{pattern.agency}_{n}"
                told = replace(pattern, obligation=obligation, message=message_id(obligation, 1, 1))
                records.append((told.agency.encode(), told.to_bytes()))
        for start in range(0, len(records), 4_000):
            assert all(await self.producer.send_all(NOTIFICATIONS.name, records[start : start + 4_000]))
        self.put += number

    async def waiting(self) -> int:
        """For each agency, on the average."""
        return self.put - await count(self.hub, ARRIVED) // len(self.patterns)

    async def keep(self) -> None:
        while not self.enough:
            now = await self.waiting()
            self.least = min(self.least, now)
            if now < QUEUE * 5 // 4:
                await self.fill(FILL)
            await asyncio.sleep(0.2)


async def measure(hub: Hub) -> Figure:
    await register(hub)
    desks, producer = Desks(), Producer(hub.stack.infra.admin_settings(), "bench")
    await producer.start()
    try:
        async with _listening(hub, desks):
            held = await _recorded(hub, HELD)
            await desks.until(HELD * len(AGENCIES), "triggered")
            patterns = {told["agency"]: Notification(**told) for told in desks.of("triggered")}
            queue = Queue(hub, producer, list(patterns.values()))
            await queue.fill(QUEUE * 2)
            cores = await _ends(desks, queue, held)
    finally:
        await producer.stop()
    return await _figure(hub, desks, queue, cores)


async def _figure(hub: Hub, desks: Desks, queue: Queue, cores: float) -> Figure:
    pushed, pulled, floor = desks.seconds("kafka"), desks.seconds("pull"), await _floor(hub, desks)
    for name, seconds in (("kafka", pushed), ("pull", pulled), ("floor", floor)):
        print(f"  {name}: {len(seconds)} × p50 {_at(seconds, 50):.3f} s, p99 {_at(seconds, 99):.3f} s", file=sys.stderr)
    lower = await count(hub, LOWER)
    print(
        f"  排队最少 / fewest waiting: {queue.least}; 低版本后发 / lower versions begun after: {lower}", file=sys.stderr
    )
    assert lower == 0, "a lower version began after a higher one"
    assert queue.least >= QUEUE, "fewer waited than were asked for"
    return Figure(
        path="ends", figure=round(max(_at(pushed, 99), _at(pulled, 99)), 3), unit="s p99", floor=round(_at(floor, 99), 4),
        cpu=round(cores, 2), floor_cpu=None, reach=None, most=MOST,
    )  # fmt: skip


# ------------------------------------------------------------------------------------------------ what happens
async def _recorded(hub: Hub, number: int) -> dict[str, dict[str, Any]]:
    """So many new records, once all their obligations are there; gives each one's event by the record's id."""
    events = {event["data"]["document"]["number"]: event for event in (penalty() for _ in range(number))}
    known = await count(hub, OBLIGATIONS)
    await _post(hub, list(events.values()))
    await until(hub, OBLIGATIONS, known + number * len(AGENCIES))
    found = await rows(
        hub, "SELECT record, document ->> 'number' AS number FROM matcher.records_v WHERE item = 'penalty'"
    )
    return {row["record"]: events[row["number"]] for row in found if row["number"] in events}


async def _ends(desks: Desks, queue: Queue, held: dict[str, dict[str, Any]]) -> float:
    """An objection to each record, then its withdrawal, one by one while the queue is kept full; gives the cores used."""
    began, busy = time.perf_counter(), busy_seconds()
    async with asyncio.TaskGroup() as group:
        group.create_task(queue.keep())
        both = held | await _recorded(queue.hub, LATE)
        for record in both:
            said = {"record": record, "ground": "facts", "statement": "所列事实有误"}
            await asyncio.to_thread(queue.hub.ask, "POST", "/v1/objections", said)
            await asyncio.sleep(PAUSE)
        await desks.until(len(both) * len(AGENCIES), "suspended")
        for record, event in both.items():
            await _post(queue.hub, [_withdrawal(record, event)])
            await asyncio.sleep(PAUSE)
        await desks.until(len(both) * len(AGENCIES), "lifted")
        queue.enough = True
    return (busy_seconds() - busy) / (time.perf_counter() - began)


def _withdrawal(record: str, event: dict[str, Any]) -> dict[str, Any]:
    data = event["data"]
    said = {"reason": "issued-in-error", "withdrawn_on": "2026-11-20", "restore_reputation": True}
    paper = data["document"] | {"number": f"撤{data['document']['number']}"}
    told = {"subject": data["subject"], "document": paper, "record": {"id": record}, "withdrawal": said}
    kind = "credithub.record.withdrawn.v1"
    return event | {"type": kind, "id": f"{event['id']}-withdrawn", "data": told}


async def _post(hub: Hub, events: Sequence[dict[str, Any]]) -> None:
    statuses = await pour(target(hub), batches(list(events), 100), 1)
    assert set(statuses) == {202}, set(statuses)


# ------------------------------------------------------------------------------------------------ who listens
@asynccontextmanager
async def _listening(hub: Hub, desks: Desks) -> AsyncGenerator[None]:
    """Two agencies read their topics and two their feeds, without rest."""
    names = [f"{name}-130822" for name, channels in AGENCIES.items() if "kafka" in channels]
    places = [TopicPartition(topic.name, 0) for name in names for topic in agency_topics(name)[:2]]
    pulls = [_Feed(hub, f"{name}-130822", desks) for name, channels in AGENCIES.items() if "pull" in channels]
    consumer = AIOKafkaConsumer(**_options(hub), group_id=None, enable_auto_commit=False, auto_offset_reset="latest")
    await consumer.start()
    consumer.assign(places)
    await consumer.seek_to_end()
    desks.readers = [
        asyncio.create_task(_read(consumer, desks)),
        *(asyncio.create_task(p.until_stopped()) for p in pulls),
    ]
    try:
        yield
    finally:
        for pull in pulls:
            pull.stop = True
        desks.readers[0].cancel()
        await asyncio.gather(*desks.readers, return_exceptions=True)
        await consumer.stop()


async def _read(consumer: AIOKafkaConsumer, desks: Desks) -> None:
    while True:
        found = await consumer.getmany(timeout_ms=200, max_records=500)
        desks.hear([orjson.loads(record.value or b"")["data"] for records in found.values() for record in records])


class _Feed(Pull):
    """Small pages, so that an end is never behind many others."""

    def __init__(self, hub: Hub, agency: str, desks: Desks) -> None:
        super().__init__(hub, agency, limit=100)
        self.desks = desks

    def hear(self, told: list[dict[str, Any]]) -> None:
        self.desks.hear(told)


def _options(hub: Hub) -> dict[str, Any]:
    return {**aiokafka_options(hub.stack.infra.admin_settings())}


# ------------------------------------------------------------------------------------------------ the floor
async def _floor(hub: Hub, desks: Desks) -> list[float]:
    """The same notifications, each sent to a bare topic and read from it, one after another."""
    _, bare = await bare_topics(hub.stack.infra.admin_settings())
    values = [orjson.dumps(told) for state in ("suspended", "lifted") for told in desks.of(state)]
    consumer = AIOKafkaConsumer(**_options(hub), group_id=None, enable_auto_commit=False, auto_offset_reset="latest")
    producer = AIOKafkaProducer(**_options(hub), acks="all")
    await producer.start()
    await consumer.start()
    consumer.assign([TopicPartition(bare.name, 0)])
    await consumer.seek_to_end()
    seconds: list[float] = []
    try:
        for value in values:
            began = time.time()
            await producer.send(bare.name, value, partition=0)
            await consumer.getone()
            seconds.append(time.time() - began)
    finally:
        await producer.stop()
        await consumer.stop()
    return sorted(seconds)


def _at(seconds: Sequence[float], percent: int) -> float:
    """The value that so many of a hundred do not exceed."""
    return seconds[min(len(seconds) - 1, len(seconds) * percent // 100)]
