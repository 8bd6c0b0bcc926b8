"""Understands how records are sent so that an acknowledgement means kept, and its absence means unknown."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.partitioner import murmur2
from aiokafka.producer.message_accumulator import BatchBuilder

from credithub.errors import Unavailable
from credithub.kafka.connection import aiokafka_options
from credithub.kafka.ending import end
from credithub.settings import Settings

SEND_SECONDS = 10  # after this an unacknowledged record is unknown
BATCH_BYTES = 512 * 1024  # of one Kafka batch; the topics admit 1 MiB


@lru_cache(maxsize=100_000)
def _hash(key: bytes) -> int:
    return int(murmur2(key)) & 0x7FFFFFFF


@dataclass(slots=True)
class Producer:
    """acks=all without idempotence: one poisonous record cannot lock its partition (interleavings 20)."""

    settings: Settings
    client: str
    headers: Sequence[tuple[str, bytes]] = ()  # they go with every record
    _kafka: AIOKafkaProducer | None = None
    _begun: bool = False
    _renewing: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def start(self) -> None:
        """Raises Unavailable when no broker answers; what was opened by then is closed."""
        producer = AIOKafkaProducer(
            **aiokafka_options(self.settings),
            client_id=f"credithub-{self.client}",
            acks="all",
            enable_idempotence=False,
            request_timeout_ms=SEND_SECONDS * 1000,
            max_batch_size=BATCH_BYTES,
            linger_ms=0,
            metadata_max_age_ms=60_000,
        )
        try:
            await producer.start()
            self._kafka, self._begun = producer, True
        except (KafkaError, OSError) as problem:
            raise Unavailable(f"Kafka: {problem}") from problem
        finally:
            if self._kafka is not producer:
                await end(producer)

    async def stop(self) -> None:
        producer, self._kafka, self._begun = self._kafka, None, False
        if producer is not None:
            await end(producer)

    async def send(self, topic: str, key: bytes, value: bytes) -> bool:
        """Sends one record. True: acknowledged; False: unknown, it may yet arrive."""
        await self._renew()
        try:
            async with asyncio.timeout(SEND_SECONDS):
                future = await self._ready().send(topic, value=value, key=key, headers=list(self.headers))
                await future
        except (KafkaError, TimeoutError, OSError):
            return False
        return True

    async def send_all(self, topic: str, records: Sequence[tuple[bytes, bytes]]) -> list[bool]:
        """Sends (key, value) records, those of one key in order. Per record: acknowledged, or unknown.

        When a whole Kafka batch is refused, its members are sent again one by one, so that a bad one
        does not take its neighbours with it.
        """
        await self._renew()
        sent = [False] * len(records)
        try:
            async with asyncio.timeout(SEND_SECONDS):
                count = await self._partitions(topic)
                groups: dict[int, list[int]] = {}
                for index, (key, _) in enumerate(records):
                    groups.setdefault(_hash(key) % count, []).append(index)
                await asyncio.gather(
                    *(self._send_group(topic, p, records, indexes, sent) for p, indexes in groups.items())
                )
        except (KafkaError, TimeoutError, OSError):
            return sent
        return sent

    async def _send_group(
        self, topic: str, partition: int, records: Sequence[tuple[bytes, bytes]], indexes: list[int], sent: list[bool]
    ) -> None:
        producer, start, headers = self._ready(), 0, list(self.headers)  # the library takes a list only
        while start < len(indexes):
            batch, end = producer.create_batch(), start
            while end < len(indexes):
                key, value = records[indexes[end]]
                if batch.append(key=key, value=value, timestamp=None, headers=headers) is None:
                    break
                end += 1
            if end == start:  # larger than a whole batch: alone, and judged by the broker
                end += 1
                sent[indexes[start]] = await self.send(topic, *records[indexes[start]])
            else:
                await self._send_batch(topic, partition, batch, records, indexes[start:end], sent)
            if not sent[indexes[end - 1]]:
                return  # what follows must not overtake what is unknown
            start = end

    async def _send_batch(
        self,
        topic: str,
        partition: int,
        batch: BatchBuilder,
        records: Sequence[tuple[bytes, bytes]],
        indexes: list[int],
        sent: list[bool],
    ) -> None:
        try:
            future = await self._ready().send_batch(batch, topic, partition=partition)
            await future
        except KafkaError as problem:
            if getattr(problem, "retriable", False) or len(indexes) == 1:
                return
            for index in indexes:
                sent[index] = await self.send(topic, *records[index])
            return
        for index in indexes:
            sent[index] = True

    async def _partitions(self, topic: str) -> int:
        return len(await self._ready().partitions_for(topic))

    async def alive(self) -> bool:
        """Whether a broker answers now."""
        try:
            await self._renew()
            async with asyncio.timeout(3):
                await self._ready().client.fetch_all_metadata()
        except (KafkaError, TimeoutError, OSError, Unavailable):
            return False
        return True

    async def _renew(self) -> None:
        """A new one where the library's sender has died of something it did not expect: it would refuse for ever."""
        async with self._renewing:
            if self._kafka is not None and _given_up(self._kafka):
                given_up, self._kafka = self._kafka, None
                await end(given_up)
            if self._kafka is None and self._begun:
                await self.start()

    def _ready(self) -> AIOKafkaProducer:
        if self._kafka is None:
            raise Unavailable("Kafka: the producer has not been started")
        return self._kafka


def _given_up(producer: AIOKafkaProducer) -> bool:
    task: asyncio.Task[None] | None = vars(producer)["_sender"].sender_task
    return task is not None and task.done()
