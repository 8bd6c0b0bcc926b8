"""Understands that a client whose inside has died is made anew: a process outlives it."""

from __future__ import annotations

import asyncio

from credithub.kafka.admin import ensure_hub_topics
from credithub.kafka.producer import Producer
from credithub.topics import EVENTS
from tests.harness.ground import Database


async def test_a_producer_whose_sender_has_died_is_made_anew(database: Database) -> None:
    await ensure_hub_topics(database.infra.admin_settings())
    producer = Producer(database.settings("ingest"), "test")
    await producer.start()
    try:
        sender = vars(producer._kafka)["_sender"].sender_task
        sender.cancel()
        await asyncio.wait([sender])
        assert await producer.send_all(EVENTS.name, [(b"key", b"value")]) == [True]
    finally:
        await producer.stop()
