"""Understands how a step that reads Kafka is measured: fill its topic, then time how it empties it."""

from __future__ import annotations

from collections.abc import Sequence

from bench.measure import Work
from credithub.consumer import Consumer
from credithub.kafka.producer import Producer


async def fill(producer: Producer, topic: str, records: Sequence[tuple[bytes, bytes]], part: int = 2_000) -> None:
    for start in range(0, len(records), part):
        sent = await producer.send_all(topic, records[start : start + part])
        assert all(sent), "Kafka did not take the bench's records"


def emptying(consumer: Consumer, count: int) -> Work:
    """Runs the consumer until it has handled `count` records."""

    async def run() -> int:
        done = 0
        while done < count:
            done += await consumer.run_once()
        return done

    return run
