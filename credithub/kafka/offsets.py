"""Understands what a topic holds: where each partition begins and ends, and what lies between two offsets."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from credithub.errors import Unavailable
from credithub.kafka.connection import Identity, aiokafka_options, identify
from credithub.settings import Settings

Partition = tuple[str, int]
FETCH_MS = 1_000
SILENCE = 30  # fetches that bring nothing before the broker counts as away


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """A cluster's topics at one moment: `ends` is the offset that the next record gets."""

    cluster: str
    topic_ids: Mapping[str, str]
    begins: Mapping[Partition, int]
    ends: Mapping[Partition, int]


async def extent(settings: Settings, topics: Sequence[str]) -> Extent:
    """Raises Unavailable when no broker answers or a topic is missing."""
    known = await identify(settings, list(topics))
    async with _consumer(settings) as consumer:
        places = _places(known)
        begins, ends = await consumer.beginning_offsets(places), await consumer.end_offsets(places)
    return Extent(
        cluster=known.cluster,
        topic_ids=known.topic_ids,
        begins={(place.topic, place.partition): offset for place, offset in begins.items()},
        ends={(place.topic, place.partition): offset for place, offset in ends.items()},
    )


async def values_between(settings: Settings, spans: Mapping[Partition, tuple[int, int]]) -> AsyncGenerator[bytes]:
    """The values of the records from the first offset of each span up to, and without, its second."""
    left = {TopicPartition(*place): end for place, (first, end) in spans.items() if first < end}
    if not left:
        return
    async with _consumer(settings) as consumer:
        consumer.assign(list(left))
        for place in left:
            consumer.seek(place, spans[place.topic, place.partition][0])
        silent = 0
        while left:
            found = await consumer.getmany(*left, timeout_ms=FETCH_MS)
            for place, records in found.items():
                for record in records:
                    if record.offset < left[place]:
                        yield record.value or b""
            left = {place: end for place, end in left.items() if await consumer.position(place) < end}
            silent = 0 if found else silent + 1
            if silent > SILENCE:
                raise Unavailable("Kafka: no records come")


@asynccontextmanager
async def _consumer(settings: Settings) -> AsyncGenerator[AIOKafkaConsumer]:
    """Without a group: nobody is told what it reads."""
    consumer = AIOKafkaConsumer(
        **aiokafka_options(settings), group_id=None, enable_auto_commit=False, auto_offset_reset="none"
    )
    try:
        await consumer.start()
        yield consumer
    except (KafkaError, OSError) as problem:
        raise Unavailable(f"Kafka: {problem}") from problem
    finally:
        await consumer.stop()


def _places(known: Identity) -> list[TopicPartition]:
    return [TopicPartition(topic, n) for topic, count in known.partitions.items() for n in range(count)]
