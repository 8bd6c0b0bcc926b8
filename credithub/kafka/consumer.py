"""Understands how records arrive: a group shares the partitions, PostgreSQL says where to read on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import KafkaError, NoOffsetForPartitionError, OffsetOutOfRangeError

from credithub.errors import PositionGone, Unavailable
from credithub.kafka.connection import aiokafka_options
from credithub.kafka.ending import end
from credithub.settings import Settings

SESSION_MS = 15_000  # a member not heard for so long has lost its partitions
FETCH_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Record:
    """One Kafka record, as bytes. `timestamp` is the broker's or producer's, in milliseconds."""

    topic: str
    partition: int
    offset: int
    key: bytes
    value: bytes
    timestamp: int


Seeker = Callable[[Sequence[tuple[str, int]]], Awaitable[Mapping[tuple[str, int], int]]]


@dataclass(slots=True)
class Reader:
    """One member of a consumer group that begins each partition where `where_from` says, never where Kafka says."""

    settings: Settings
    group: str
    topics: list[str]
    where_from: Seeker
    _kafka: AIOKafkaConsumer | None = None
    _heard: float = field(default_factory=time.monotonic)

    async def start(self) -> None:
        """Raises Unavailable when no broker answers; what was opened by then is closed."""
        consumer = AIOKafkaConsumer(
            **aiokafka_options(self.settings),
            client_id=self.group,
            group_id=self.group,
            # A member of that name takes its partitions back at once; a nameless one waits until the dead one's
            # session has run out, half a minute after a kill -9.
            group_instance_id=f"{self.group}-{self.settings.instance}" if self.settings.instance else None,
            enable_auto_commit=False,
            auto_offset_reset="none",
            session_timeout_ms=SESSION_MS,
            heartbeat_interval_ms=3_000,
            max_poll_interval_ms=300_000,
            max_partition_fetch_bytes=FETCH_BYTES,
            fetch_max_wait_ms=200,
            metadata_max_age_ms=60_000,
        )
        consumer.subscribe(self.topics, listener=_Listener(self))
        self._kafka, started = consumer, False  # the listener is called while it starts
        try:
            await consumer.start()
            started = True
        except (KafkaError, OSError) as problem:
            raise Unavailable(f"Kafka: {problem}") from problem
        finally:
            if not started:
                await self.stop()

    async def stop(self) -> None:
        consumer, self._kafka = self._kafka, None
        if consumer is not None:
            await end(consumer)

    async def read(self, most: int, timeout_ms: int) -> list[Record]:
        """Up to `most` records of all partitions we hold, each partition in its order.

        Raises Unavailable where the library has given up; the next call joins the group anew.
        """
        if self._kafka is None:
            await self.start()
        consumer = self._ready()
        try:
            found = await consumer.getmany(timeout_ms=timeout_ms, max_records=most)
        except NoOffsetForPartitionError:  # a partition was given to us before its place was known
            await self.seek_stored()
            return []
        except OffsetOutOfRangeError as problem:  # never skipped: interleavings 6
            raise PositionGone(_gone(self.group, problem)) from problem
        except (KafkaError, OSError) as problem:
            await self.stop()
            raise Unavailable(f"Kafka: {problem}") from problem
        if found or await self._broker_answers(consumer):
            self._heard = time.monotonic()
        return [
            Record(tp.topic, tp.partition, r.offset, r.key or b"", r.value or b"", r.timestamp)
            for tp, records in found.items()
            for r in records
        ]

    def silent_for(self) -> float:
        """Seconds since the broker was last heard; the watchdog's measure (interleavings 25)."""
        return time.monotonic() - self._heard

    async def seek_stored(self, partitions: Sequence[tuple[str, int]] | None = None) -> None:
        """Goes back to the stored positions; what was read and not written is read again."""
        consumer = self._ready()
        held = partitions if partitions is not None else [(tp.topic, tp.partition) for tp in consumer.assignment()]
        for (topic, partition), offset in (await self.where_from(held)).items():
            place = TopicPartition(topic, partition)
            if place in consumer.assignment():
                consumer.seek(place, offset)

    def held(self) -> list[tuple[str, int]]:
        return [(tp.topic, tp.partition) for tp in self._kafka.assignment()] if self._kafka else []

    def end_of(self, topic: str, partition: int) -> int | None:
        """The end offset of a partition as the last fetch told it."""
        return self._ready().highwater(TopicPartition(topic, partition))

    async def hint(self, offsets: Mapping[tuple[str, int], int]) -> None:
        """Tells Kafka how far we are, for its tools only; failing does not matter."""
        held = set(self.held())
        said = {TopicPartition(*place): offset for place, offset in offsets.items() if place in held}
        if not said:
            return
        try:
            await self._ready().commit(said)
        except (KafkaError, OSError):
            return

    async def _broker_answers(self, consumer: AIOKafkaConsumer) -> bool:
        if self.silent_for() < 2:
            return False
        try:
            async with asyncio.timeout(3):
                await consumer.topics()
        except (KafkaError, TimeoutError, OSError):
            return False
        return bool(consumer.assignment()) or self.silent_for() < SESSION_MS / 1000

    def _ready(self) -> AIOKafkaConsumer:
        if self._kafka is None:
            raise Unavailable("Kafka: the consumer has not been started")
        return self._kafka


class _Listener(ConsumerRebalanceListener):
    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def on_partitions_revoked(self, revoked: Sequence[TopicPartition]) -> None:  # noqa: ARG002
        return None  # nothing to hand over: the positions lie in PostgreSQL

    async def on_partitions_assigned(self, assigned: Sequence[TopicPartition]) -> None:
        await self._reader.seek_stored([(tp.topic, tp.partition) for tp in assigned])


def _gone(group: str, problem: KafkaError) -> str:
    places = ", ".join(f"{place.topic}/{place.partition} {offset}" for place, offset in problem.args[0].items())
    return (
        f"{group}: Kafka 已不再保存该处记录，停止处理以免遗漏 / Kafka no longer has the records there; stopped, so that"
        f" nothing is skipped unseen: {places}\n  credithub restore … --accept-gap"
    )
