"""Understands an agency's place at the broker: librdkafka with the agency's own SCRAM user, and kcat where there is one."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import confluent_kafka
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer

from tests.harness.eventually import eventually_so
from tests.harness.hub import Holder

JsonObject: TypeAlias = dict[str, Any]
TRIES = 20
REFUSED = {KafkaError._AUTHENTICATION}  # pyright: ignore[reportPrivateUsage]
PLACE = "security.protocol=SASL_PLAINTEXT", "sasl.mechanism=SCRAM-SHA-512"


@dataclass(slots=True)
class Seat:
    """One user of the agencies' listener."""

    bootstrap: str
    user: str
    password: str
    errors: set[int] = field(default_factory=set[int])

    @staticmethod
    def of(agency: Holder) -> Seat:
        told = agency.kafka
        return Seat(told["bootstrap"], told["username"], told["password"])

    @property
    def topic(self) -> str:
        return f"credit.agency.{self.user}"

    def options(self) -> dict[str, Any]:
        return {
            "bootstrap.servers": self.bootstrap,
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": self.user,
            "sasl.password": self.password,
            "error_cb": lambda error: self.errors.add(error.code()),
            "log_level": 0,
        }

    @contextmanager
    def reading(self, *topics: str, group: str = "") -> Generator[Reader]:
        options = {
            "group.id": group or f"{self.user}.tests",
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
        consumer = Consumer(self.options() | options)
        try:
            consumer.subscribe(list(topics or (self.topic, f"{self.topic}.ends")))
            yield Reader(self, consumer)
        finally:
            consumer.close()

    def write(self, value: bytes, topic: str = "") -> KafkaError | None:
        """The broker's verdict."""
        verdict: list[KafkaError | None] = []
        producer = Producer(self.options() | {"message.timeout.ms": 8000})
        producer.produce(
            topic or f"{self.topic}.feedback", value=value, key=b"k", on_delivery=lambda e, _: verdict.append(e)
        )
        producer.flush(10)
        return verdict[0]

    def answer(self, content: Mapping[str, Any]) -> None:
        assert self.write(json.dumps(content).encode()) is None

    def refused(self) -> bool:
        """Whether the broker lets this user in no more: it says so, or it shows its topics."""
        client = Producer(self.options())
        self.errors.clear()
        for _ in range(TRIES):
            client.poll(0.1)
            if self.errors & REFUSED:
                return True
            try:
                client.list_topics(timeout=0.5)
            except KafkaException:
                continue
            return False
        raise AssertionError(f"the broker says nothing; {self.errors}")

    def kcat(self, *arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        settings = (
            f"bootstrap.servers={self.bootstrap}",
            *PLACE,
            f"sasl.username={self.user}",
            f"sasl.password={self.password}",
        )
        options = ["-m", "30", *(word for setting in settings for word in ("-X", setting))]
        with _library() as env:
            return subprocess.run(
                ["kcat", *options, *arguments], env=env, input=given, capture_output=True, timeout=60, check=False
            )


@contextmanager
def _library() -> Generator[Mapping[str, str]]:
    """An environment in which kcat finds a librdkafka that Kafka's own check of SCRAM nonces lets in.

    Before 2.6.1 librdkafka sent its nonce twice; brokers since 3.7.2 and 4.0 refuse that, and distributions still
    pair kcat with such a library. The one of the confluent-kafka wheel is put in its place.
    """
    wheel = Path(confluent_kafka.__file__).parents[1] / "confluent_kafka.libs"
    with tempfile.TemporaryDirectory() as folder:
        for library in wheel.glob("librdkafka*.so.1"):
            (Path(folder) / "librdkafka.so.1").symlink_to(library)
        yield {**os.environ, "LD_LIBRARY_PATH": folder}


@dataclass(slots=True)
class Reader:
    """An open consumer, and what it has read so far."""

    seat: Seat
    consumer: Consumer
    events: list[JsonObject] = field(default_factory=list[JsonObject])
    keys: dict[str, str] = field(default_factory=dict[str, str])  # Kafka's, by the event's id
    types: set[bytes] = field(default_factory=set[bytes])
    refusals: set[int] = field(default_factory=set[int])

    def read(self, seconds: float = 0.3) -> None:
        message = self.consumer.poll(seconds)
        while message is not None:
            self._take(message)
            message = self.consumer.poll(0)

    def until(
        self, enough: Callable[[Sequence[JsonObject]], bool], *, within: float = 30, why: str = ""
    ) -> list[JsonObject]:
        """All events read, once they are enough."""

        def look() -> list[JsonObject]:
            self.read()
            return self.events

        return eventually_so(look, enough, within=within, why=why)

    def refused(self, code: int) -> None:
        """Waits until the broker has refused with this code."""

        def look() -> set[int]:
            self.read()
            return self.refusals | self.seat.errors

        eventually_so(look, lambda found: code in found, within=30)

    def _take(self, message: Message) -> None:
        if (error := message.error()) is not None:
            self.refusals.add(error.code())
            return
        self.types |= {bytes(value) for name, value in message.headers() or [] if name == "content-type"}
        event = json.loads(message.value() or b"")
        self.keys[event["id"]] = (message.key() or b"").decode()
        self.events.append(event | {"topic": message.topic()})
