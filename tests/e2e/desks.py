"""Understands the desks of many agencies: what each has heard and confirmed, and what it means to be away."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from credithub.embedded.infra import Infra
from credithub.kafka.connection import confluent_options
from tests.e2e.kafka_seat import Seat
from tests.harness.eventually import eventually_so
from tests.harness.hub import Holder

HANDS = 8  # desks that read at the same moment
SENDER = "User:credithub-notifier"


@dataclass(frozen=True, slots=True)
class Told:
    """One notification as an agency got it; `lane` is the topic's or the feed's."""

    obligation: str
    record: str
    number: str  # of the record's document
    version: int
    state: str
    lane: str
    place: str


@dataclass(slots=True)
class Desk:
    """An agency that reads its topics, its feed or both, and answers where it reads."""

    holder: Holder
    channels: tuple[str, ...]
    here: bool = True
    heard: list[Told] = field(default_factory=list[Told])
    voids: int = 0  # numbers of the feed that said nothing
    _after: str = ""
    _consumer: Consumer | None = None

    @property
    def name(self) -> str:
        return self.holder.agency

    @property
    def topics(self) -> tuple[str, str]:
        return f"credit.agency.{self.name}", f"credit.agency.{self.name}.ends"

    # ------------------------------------------------------------------------------------------ reading
    def read(self) -> None:
        """What there is now, on every channel it has."""
        if "pull" in self.channels:
            found, self._after = self.holder.pull(self._after)
            for row in found:
                self._hear(row["notification"], row["lane"], "pull")
        if "kafka" in self.channels:
            for message in self._open().consume(500, 0.2):
                if message.error() is None:
                    lane = "ends" if str(message.topic()).endswith(".ends") else "rest"
                    self._hear(json.loads(message.value() or b"")["data"], lane, "kafka")

    def _hear(self, told: dict[str, Any] | None, lane: str, place: str) -> None:
        if told is None:
            self.voids += 1
            return
        record, number = told["record"]["id"], told["record"]["document"]["number"]
        self.heard.append(Told(told["obligation"], record, number, told["version"], told["state"], lane, place))

    def _open(self) -> Consumer:
        if self._consumer is None:
            options = {"group.id": f"{self.name}.desk", "enable.auto.commit": False, "auto.offset.reset": "earliest"}
            self._consumer = Consumer(Seat.of(self.holder).options() | options)
            self._consumer.assign([TopicPartition(topic, 0, OFFSET_BEGINNING) for topic in self.topics])
        return self._consumer

    def close(self) -> None:
        if self._consumer is not None:
            self._consumer.close()

    # ------------------------------------------------------------------------------------------ knowing
    def newest(self) -> dict[str, Told]:
        """By obligation, the highest version."""
        return {told.obligation: told for told in sorted(self.heard, key=lambda told: told.version)}

    def ends_of(self, obligation: str, place: str) -> list[tuple[int, str]]:
        """(version, state) of what came of it on the lane of ends, in that order."""
        mine = [told for told in self.heard if told.obligation == obligation and told.place == place]
        return [(told.version, told.state) for told in mine if told.lane == "ends"]

    # ------------------------------------------------------------------------------------------ answering
    def confirm(self, records: Iterable[str]) -> set[str]:
        """Says of the newest version that it has let go; gives the obligations."""
        newest = [told for told in self.newest().values() if told.record in set(records)]
        answers = [(told, f"{'lift' if told.state == 'lifted' else 'suspension'}-confirmed") for told in newest]
        if "kafka" in self.channels:
            self._by_topic([_answer(told, said) | {"obligation": told.obligation} for told, said in answers])
        else:
            for told, said in answers:
                self.holder.answer(told.obligation, _answer(told, said)).ok()
        return {told.obligation for told in newest}

    def _by_topic(self, answers: Sequence[dict[str, Any]]) -> None:
        producer = Producer(Seat.of(self.holder).options() | {"message.timeout.ms": 20_000})
        for answer in answers:
            producer.produce(f"{self.topics[0]}.feedback", value=json.dumps(answer).encode(), key=b"k")
        assert producer.flush(20) == 0


def _answer(told: Told, said: str) -> dict[str, Any]:
    return {"epoch": 1, "version": told.version, "answer": said}


def each(desks: Sequence[Desk], act: Callable[[Desk], object]) -> None:
    """All of them, several at once."""
    with ThreadPoolExecutor(HANDS) as hands:
        list(hands.map(act, desks))


def until_all(desks: Sequence[Desk], know: Callable[[Desk], bool], *, why: str, within: float = 60) -> None:
    """They read until each knows."""

    def lacking() -> list[str]:
        left = [desk for desk in desks if not know(desk)]
        each(left, Desk.read)
        return [desk.name for desk in left if not know(desk)]

    eventually_so(lacking, lambda names: not names, within=within, why=why)


@dataclass(slots=True)
class Barrier:
    """Kafka refuses whatever the hub sends to these agencies: nothing can be delivered until it is taken away."""

    infra: Infra
    desks: Sequence[Desk]
    _admin: AdminClient = field(init=False)

    def __post_init__(self) -> None:
        self._admin = AdminClient(confluent_options(self.infra.admin_settings(), admin=True))

    def up(self) -> None:
        for done in self._admin.create_acls([_rule(AclBinding, topic) for topic in self._topics()]).values():
            done.result(20)
        eventually_so(lambda: len(self._there()), lambda n: n == len(self._topics()), within=20)

    def down(self) -> None:
        with suppress(KafkaException):
            for done in self._admin.delete_acls([_rule(AclBindingFilter, t) for t in self._topics()]).values():
                done.result(20)
        eventually_so(lambda: len(self._there()), lambda n: n == 0, within=20)

    def _topics(self) -> list[str]:
        return [topic for desk in self.desks for topic in desk.topics]

    def _there(self) -> list[object]:
        return [
            one
            for topic in self._topics()
            for one in self._admin.describe_acls(_rule(AclBindingFilter, topic)).result(20)
        ]


def _rule(make: Callable[..., Any], topic: str) -> Any:
    literal, deny = ResourcePatternType.LITERAL, AclPermissionType.DENY
    return make(ResourceType.TOPIC, topic, literal, SENDER, "*", AclOperation.WRITE, deny)
