"""Understands agencies in chaos: they listen on their topic or their pull feed, and answer until the hub has heard."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from dataclasses import dataclass, field

import aiohttp
import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaError

from credithub.kafka.ending import end
from credithub.topics import agency_topics
from tests.chaos.checker import Received
from tests.chaos.hub import CHANNELS, Hub, JsonObject, call

REST = 0.2
STOP_SECONDS = 5.0
HANDS = 6  # answers that a pulling agency gives at once


@dataclass(slots=True)
class Agency:
    """Keeps the highest version of each obligation, as an agency must, and answers each version once."""

    name: str
    hub: Hub
    http: aiohttp.ClientSession
    received: list[Received] = field(default_factory=list[Received])
    owed: asyncio.Queue[JsonObject] = field(default_factory=asyncio.Queue[JsonObject])
    _highest: dict[str, int] = field(default_factory=dict[str, int])

    async def listen(self) -> None:
        """For ever; every failure is tried again."""
        loops = [self._answer() for _ in range(1 if CHANNELS[self.name] == "kafka" else HANDS)]
        loops += [self._follow_topics()] if CHANNELS[self.name] == "kafka" else [self._follow_feed()]
        await asyncio.gather(*loops)

    def hear(self, place: str, notification: JsonObject) -> None:
        obligation, version = notification["obligation"], notification["version"]
        self.received.append(received(self.name, place, notification))
        if version <= self._highest.get(obligation, 0) and notification["state"] != "lifted":
            return
        self._highest[obligation] = max(version, self._highest.get(obligation, 0))
        answer = "lift-confirmed" if notification["state"] == "lifted" else "acknowledged"
        self.owed.put_nowait(
            {"obligation": obligation, "epoch": notification["epoch"], "version": version, "answer": answer}
        )

    async def _follow_feed(self) -> None:
        after = ""
        while True:
            try:
                path = "/v1/notifications?limit=500" + (f"&after={after}" if after else "")
                page = await call(self.http, "GET", path, self.hub.keys[self.name])
            except (aiohttp.ClientError, OSError, TimeoutError):
                await asyncio.sleep(REST)
                continue
            after = page["next"]
            for row in page["notifications"]:
                if row["notification"]:
                    self.hear("pull", row["notification"])
            if not page["notifications"]:
                await asyncio.sleep(REST)

    async def _follow_topics(self) -> None:
        while True:
            try:
                await self._read_topics()
            except (KafkaError, OSError, TimeoutError):
                await asyncio.sleep(REST)

    async def _read_topics(self) -> None:
        rest, ends, _ = agency_topics(self.name)
        logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # its broker is being killed: it need not say so
        consumer = AIOKafkaConsumer(rest.name, ends.name, **self._kafka(), group_id=f"credit.agency.{self.name}.x",
                                    auto_offset_reset="earliest")  # fmt: skip
        try:
            await consumer.start()
            async for record in consumer:
                self.hear(record.topic, orjson.loads(record.value)["data"])
        finally:
            await end(consumer, STOP_SECONDS)

    async def _answer(self) -> None:
        """By topic where it has one, otherwise by HTTP; an answer that fails is given again."""
        while True:
            answer = await self.owed.get()
            for attempt in range(1_000):
                try:
                    if CHANNELS[self.name] == "kafka" and attempt < 2:
                        await self._answer_by_topic(answer)
                    else:
                        path = f"/v1/obligations/{answer['obligation']}/feedback"
                        body = {name: value for name, value in answer.items() if name != "obligation"}
                        await call(self.http, "POST", path, self.hub.keys[self.name], body)
                except (aiohttp.ClientError, KafkaError, OSError, TimeoutError):
                    await asyncio.sleep(REST)
                else:
                    break

    async def _answer_by_topic(self, first: JsonObject) -> None:
        """This answer, and whatever else is owed by now."""
        batch = [first]
        while not self.owed.empty():
            batch.append(self.owed.get_nowait())
        producer = AIOKafkaProducer(**self._kafka(), acks="all", request_timeout_ms=8_000)
        topic = agency_topics(self.name)[2].name
        try:
            await producer.start()  # which ends by itself; cut short, it would leave a connection open
            async with asyncio.timeout(10):
                for answer in batch:
                    await producer.send_and_wait(topic, orjson.dumps(answer), key=answer["obligation"].encode())
        except (KafkaError, OSError, TimeoutError):
            for answer in batch[1:]:
                self.owed.put_nowait(answer)
            raise
        finally:
            await end(producer, STOP_SECONDS)

    def _kafka(self) -> dict[str, object]:
        return {
            "bootstrap_servers": self.hub.stack.infra.kafka.agency_bootstrap,
            "security_protocol": "SASL_PLAINTEXT",
            "sasl_mechanism": "SCRAM-SHA-512",
            "sasl_plain_username": self.name,
            "sasl_plain_password": self.hub.accounts[self.name],
        }


def received(agency: str, place: str, notification: JsonObject) -> Received:
    content = hashlib.sha256(orjson.dumps(notification, option=orjson.OPT_SORT_KEYS)).hexdigest()
    return Received(
        agency=agency, place=place, message=notification["message"], obligation=notification["obligation"],
        version=notification["version"], state=notification["state"], content=content,
    )  # fmt: skip
