"""Understands a consumer on the real broker: one bad record stands aside, and the others go on."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from credithub import metrics
from credithub.consumer import Consumer, Write
from credithub.db.engine import AsyncConnection, make_engine
from credithub.kafka.admin import ensure_hub_topics
from credithub.kafka.consumer import Record
from credithub.kafka.producer import Producer
from credithub.topics import EVENTS
from tests.harness.eventually import eventually
from tests.harness.ground import Database

POISON = b"poison for one reader"


async def test_a_record_that_meets_a_bug_is_parked_visibly_and_its_neighbours_are_handled(database: Database) -> None:
    """Interleavings 24."""
    await ensure_hub_topics(database.infra.admin_settings())
    values = [b"before it", POISON, b"after it"]
    producer = Producer(database.settings("ingest"), "test")
    await producer.start()
    handled: set[bytes] = set()

    async def handle(records: Sequence[Record]) -> Write:
        async def write(conn: AsyncConnection) -> Mapping[str, int]:
            del conn
            if any(record.value == POISON for record in records):
                raise ValueError("a bug of ours")
            handled.update(record.value for record in records)
            return {}

        return write

    settings = database.settings("matcher")
    engine = make_engine(settings, "matcher")
    consumer = Consumer(settings, engine, "matcher", f"credithub-{database.name}", [EVENTS.name], handle)
    try:
        assert all(await producer.send_all(EVENTS.name, [(b"key", value) for value in values]))
        await consumer.start()
        reading = asyncio.create_task(_read(consumer))
        try:
            await eventually(lambda: {b"before it", b"after it"} <= handled)
        finally:
            reading.cancel()
            await asyncio.wait([reading])
    finally:
        await consumer.stop()
        await producer.stop()
        await engine.dispose()
        metrics.HANDLED.remove(consumer.group, "parked")  # the bug was planted: operations' pages shall not show it
    parked = await database.rows("SELECT value, error FROM matcher.parked")
    assert [tuple(row.values()) for row in parked] == [(POISON, "ValueError")]


async def _read(consumer: Consumer) -> None:
    while True:
        await consumer.run_once()
