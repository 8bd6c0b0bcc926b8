"""A position that Kafka no longer has: reading stops loudly, and nothing is skipped unseen."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping, Sequence

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from credithub.embedded.infra import Infra
from credithub.errors import PositionGone
from credithub.kafka.admin import KafkaAdmin
from credithub.kafka.connection import confluent_options
from credithub.kafka.consumer import Reader
from credithub.kafka.offsets import extent, values_between
from credithub.kafka.producer import Producer
from credithub.topics import DAY, Topic


async def nothing_comes(reader: Reader) -> None:
    for _ in range(100):
        assert await reader.read(10, 200) == [], "nothing is skipped"


async def test_what_lies_between_two_offsets_is_read_and_a_lost_position_stops_the_reader(infra: Infra) -> None:
    settings = infra.admin_settings()
    name = f"credit.test.{secrets.token_hex(4)}"
    await KafkaAdmin(settings).make_topics(
        [Topic(name=name, payload="x", key="y", retention_ms=DAY, one_partition=True)]
    )
    producer = Producer(settings, "test")
    await producer.start()
    await producer.send_all(name, [(b"k", f"{n}".encode()) for n in range(10)])
    await producer.stop()
    assert [v async for v in values_between(settings, {(name, 0): (2, 5)})] == [b"2", b"3", b"4"]
    assert [v async for v in values_between(settings, {(name, 0): (5, 5)})] == []

    client = AdminClient(confluent_options(settings, admin=True))
    gone = TopicPartition(name, 0, 6)
    await asyncio.to_thread(client.delete_records([gone])[gone].result)
    there = await extent(settings, [name])
    assert (there.begins[name, 0], there.ends[name, 0]) == (6, 10)

    async def where_from(held: Sequence[tuple[str, int]]) -> Mapping[tuple[str, int], int]:
        return dict.fromkeys(held, 3)

    reader = Reader(settings, f"credithub-test-{secrets.token_hex(4)}", [name], where_from)
    await reader.start()
    try:
        with pytest.raises(PositionGone, match=f"{name}/0 3"):
            await nothing_comes(reader)
    finally:
        await reader.stop()
