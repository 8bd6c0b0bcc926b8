"""Understands two agencies at work: one reads its Kafka topics with its own user, one pulls and answers by HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import orjson

from credithub.demo.answering import Desk
from credithub.demo.client import Client, Refused
from credithub.demo.memory import Memory
from credithub.errors import Unavailable
from credithub.kafka.consumer import Reader, Record
from credithub.kafka.producer import Producer
from credithub.settings import Settings
from credithub.topics import agency_topics

JsonObject: TypeAlias = dict[str, Any]
TOGETHER = 500  # notifications taken at once
REST = 0.5  # seconds between two looks
TRIES = 20  # of an answer, each as long as the producer waits


@dataclass(frozen=True, slots=True, kw_only=True)
class Broker:
    """Where agencies reach Kafka."""

    bootstrap: str
    security: Literal["SASL_PLAINTEXT", "SASL_SSL"] = "SASL_PLAINTEXT"
    ca: str = ""


@dataclass(slots=True, kw_only=True)
class KafkaDesk:
    """Reads `credit.agency.<id>` and `.ends`, answers to `.feedback`; its place is written down after answering."""

    desk: Desk
    memory: Memory
    broker: Broker
    ready: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Until cancelled. Its user appears a moment after the agency was brought in."""
        settings = self._settings()
        rest, ends, feedback = (topic.name for topic in agency_topics(self.desk.agency))
        reader = Reader(settings, f"{self.desk.agency}.demo", [ends, rest], self._places)
        producer = Producer(settings, client=self.desk.agency)
        try:
            await self._started(producer, reader)
            while True:
                records = await reader.read(TOGETHER, timeout_ms=int(REST * 1000))
                await self._answer(producer, feedback, records)
        finally:
            await reader.stop()
            await producer.stop()

    async def _started(self, producer: Producer, reader: Reader) -> None:
        while not self.ready.is_set():
            try:
                await producer.start()
                await reader.start()
                self.ready.set()
            except Unavailable:
                await producer.stop()
                await asyncio.sleep(REST)

    async def _answer(self, producer: Producer, topic: str, records: Sequence[Record]) -> None:
        for record in sorted(records, key=lambda record: not record.topic.endswith(".ends")):
            for answer in self.desk.take(orjson.loads(record.value)["data"]):
                await self._said(producer, topic, answer)
        for record in records:
            self.memory.positions[record.topic] = record.offset + 1
        if records:
            self.memory.save()

    async def _said(self, producer: Producer, topic: str, answer: JsonObject) -> None:
        """An answer that the broker did not acknowledge is said again: the same twice has one effect."""
        for _ in range(TRIES):
            if await producer.send(topic, answer["obligation"].encode(), orjson.dumps(answer)):
                return
            await asyncio.sleep(REST)
        raise Unavailable(f"Kafka: {topic}")

    async def _places(self, partitions: Sequence[tuple[str, int]]) -> Mapping[tuple[str, int], int]:
        return {place: self.memory.positions.get(place[0], 0) for place in partitions}

    def _settings(self) -> Settings:
        return Settings(
            kafka_bootstrap=self.broker.bootstrap,
            kafka_security=self.broker.security,
            kafka_ca=self.broker.ca,
            kafka_user=self.desk.agency,
            kafka_password=self.memory.kafka[self.desk.agency],
        )


@dataclass(slots=True, kw_only=True)
class HttpDesk:
    """Pulls its numbered feed and posts its answers; the cursor is kept once a page is dealt with."""

    desk: Desk
    memory: Memory
    client: Client

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            if not await self.once():
                await asyncio.sleep(REST)

    async def once(self) -> int:
        """Deals with one page; gives how many notifications it held."""
        agency = self.desk.agency
        try:
            page = await self.client.get(
                "/v1/notifications", after=self.memory.cursors.get(agency, ""), limit=str(TOGETHER)
            )  # fmt: skip
        except Refused as refusal:
            if refusal.problem.get("code") in ("resync", "cursor-invalid"):
                self.memory.cursors.pop(agency, None)
                return 0
            raise
        for told in page["notifications"]:
            for answer in self.desk.take(told["notification"]) if told["notification"] else ():
                await self.client.send(f"/v1/obligations/{answer['obligation']}/feedback", answer)
        if page["notifications"]:
            self.memory.cursors[agency] = page["next"]
            self.memory.save()
        return len(page["notifications"])
