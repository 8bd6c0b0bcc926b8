"""Understands an agency's own Kafka client, as it stands outside: librdkafka on the agencies' listener."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import orjson
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer
from confluent_kafka.admin import AdminClient

from tests.harness.ground import Database


@dataclass(slots=True)
class AgencyClient:
    database: Database
    user: str
    password: str
    _consumer: Consumer | None = None
    errors: list[int] = field(default_factory=list[int])

    def options(self) -> dict[str, object]:
        return {
            "bootstrap.servers": self.database.infra.kafka.agency_bootstrap,
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": self.user,
            "sasl.password": self.password,
            "error_cb": lambda error: self.errors.append(error.code()),
            "log_level": 0,
        }

    def open(self, *topics: str, group: str) -> None:
        self._consumer = Consumer(
            {**self.options(), "group.id": group, "auto.offset.reset": "earliest", "enable.auto.commit": False}
        )
        self._consumer.subscribe(list(topics))

    async def read(self, seconds: float = 0.5) -> Message | None:
        """One message, or None; an error as a message is returned as it is."""
        assert self._consumer
        consumer = self._consumer
        return await asyncio.to_thread(lambda: consumer.poll(seconds))

    async def read_many(self, most: int = 200) -> list[Message]:
        """What is there now, without errors."""
        assert self._consumer
        consumer = self._consumer
        found = await asyncio.to_thread(lambda: consumer.consume(most, 0.5))
        return [message for message in found if message.error() is None]

    async def read_events(self, number: int, within: float = 20.0) -> list[dict[str, object]]:
        """So many CloudEvents."""
        events: list[dict[str, object]] = []
        for _ in range(int(within / 0.5)):
            message = await self.read()
            if message is not None and message.error() is None:
                assert dict(message.headers() or [])["content-type"].startswith(b"application/cloudevents+json")
                events.append(orjson.loads(message.value() or b""))
            if len(events) == number:
                return events
        raise AssertionError(f"{len(events)} of {number} events; errors {self.errors}")

    async def write(self, topic: str, value: bytes, key: bytes = b"k") -> KafkaError | None:
        """The broker's verdict."""
        verdict: list[KafkaError | None] = []
        producer = Producer({**self.options(), "message.timeout.ms": 5000})
        producer.produce(topic, value=value, key=key, on_delivery=lambda error, _: verdict.append(error))
        await asyncio.to_thread(lambda: producer.flush(10))
        return verdict[0]

    async def sees(self) -> set[str]:
        """The topics it is shown. Raises KafkaException when it may not log in."""
        client = AdminClient(self.options())
        return set((await asyncio.to_thread(lambda: client.list_topics(timeout=5))).topics)

    def close(self) -> None:
        if self._consumer:
            self._consumer.close()


__all__ = ["AgencyClient", "KafkaException"]
