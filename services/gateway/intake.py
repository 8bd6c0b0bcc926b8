"""Understands how accepted entries reach Kafka: stamped, sealed, keyed by subject, and counted once acknowledged."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import orjson

from credithub.crashpoints import crashpoint
from credithub.domain.events import SUBMISSIONS_CONTEXT
from credithub.errors import Unavailable
from credithub.http.cloudevents import Envelope
from credithub.http.problem import Problem
from credithub.vault import Vault
from services.gateway.rules import key_of_subject

SOME = 250  # records sent at once; between two such parts the gateway may die with some sent and some not


_Passenger: TypeAlias = tuple[bytes, bytes, "asyncio.Future[bool | None]"]  # None: never sent


class Sender(Protocol):
    """The producer, as far as intake knows it. Per record, False: not acknowledged, it may yet arrive."""

    async def start(self) -> None: ...
    async def send_all(self, topic: str, records: Sequence[tuple[bytes, bytes]]) -> list[bool]: ...
    async def alive(self) -> bool: ...


class Line:
    """The line to Kafka: known to be up or down, so that nobody waits ten seconds to hear that it is down.

    Single records of requests that come together travel together: while one trip is under way the next fills up. More
    trips at once would only make the broker write smaller pieces.
    """

    def __init__(self, sender: Sender) -> None:
        self.sender = sender
        self.up = False
        self._started = False
        self._waiting: dict[str, list[_Passenger]] = {}
        self._trips: dict[str, asyncio.Task[None]] = {}

    async def send(self, topic: str, records: Sequence[tuple[bytes, bytes]]) -> list[bool]:
        """Per record: acknowledged, or unknown. Problem when nothing was sent, because the line is down."""
        if not self.up:
            raise Problem("kafka-away")
        if len(records) == 1:
            return [await self._together(topic, *records[0])]
        sent = await self._in_parts(topic, records)
        self.up = self.up and all(sent)
        return sent

    async def _together(self, topic: str, key: bytes, value: bytes) -> bool:
        done: asyncio.Future[bool | None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(topic, []).append((key, value, done))
        if topic not in self._trips:
            self._trips[topic] = asyncio.create_task(self._travel(topic))
        sent = await done
        if sent is None:
            raise Problem("kafka-away")
        return sent

    async def _travel(self, topic: str) -> None:
        """Takes along whoever waits, until nobody does. After a loss the others are told at once that they stay."""
        try:
            while aboard := self._waiting.pop(topic, None):
                await self._trip(topic, aboard)
                if not self.up:
                    break
        finally:
            del self._trips[topic]
            _tell(left := self._waiting.pop(topic, []), [None] * len(left))

    async def _trip(self, topic: str, aboard: Sequence[_Passenger]) -> None:
        sent: Sequence[bool | None] = [False] * len(aboard)
        try:
            sent = await self.sender.send_all(topic, [(key, value) for key, value, _ in aboard])
        except Unavailable:
            sent = [None] * len(aboard)
        finally:
            self.up = self.up and all(sent)
            _tell(aboard, sent)

    async def _in_parts(self, topic: str, records: Sequence[tuple[bytes, bytes]]) -> list[bool]:
        sent: list[bool] = []
        for start in range(0, len(records), SOME):
            try:
                sent += await self.sender.send_all(topic, records[start : start + SOME])
            except Unavailable:
                raise Problem("kafka-away") from None
            if not all(sent):
                break
            crashpoint("gateway.after_some_sent")
        return sent + [False] * (len(records) - len(sent))

    async def run_once(self) -> int:
        """Connects, then looks whether the broker answers; Unavailable when it does not."""
        if not self._started:
            self.up = False
            await self.sender.start()
            self._started = True
        self.up = await self.sender.alive()
        if not self.up:
            raise Unavailable("Kafka: no broker answers")
        return 0


@dataclass(slots=True, kw_only=True)
class Stamp:
    """What every entry of one request is stamped with. `count` is settled once all envelopes are judged."""

    submission: str
    supplier: str
    received_at: str
    catalogue: str
    allowed_items: list[str]
    count: int


@dataclass(slots=True)
class Sealer:
    """Turns entries into Kafka records that nobody without the vault can read."""

    vault: Vault
    limit: int  # bytes of one record

    def event(self, entry: Envelope, digest: str, stamp: Stamp) -> tuple[bytes, bytes] | None:
        """(key, value), or None where the entry is too big. Written out as SubmittedEntry, without building one."""
        plain = orjson.dumps(
            {
                "submission": stamp.submission,
                "index": entry.index,
                "count": stamp.count,
                "supplier": stamp.supplier,
                "source": entry.source,
                "id": entry.id,
                "digest": digest,
                "received_at": stamp.received_at,
                "form": "event",
                "catalogue": stamp.catalogue,
                "mapping": None,
                "allowed_items": stamp.allowed_items,
                "body": entry.body(),
                "file": None,
                "row": None,
            }
        )
        if len(plain) > self.limit:
            return None
        key = self.key_of(key_of_subject(entry.data.get("subject")), entry.source, entry.id)
        return key, self.vault.encrypt(plain, SUBMISSIONS_CONTEXT)

    def key_of(self, identifier: tuple[str, str] | None, source: str, id_: str) -> bytes:
        """The organisation code, or a keyed hash of another identifier, or of the entry itself."""
        if identifier is None:
            return self.vault.hmac("entry", f"{source}\n{id_}").encode()
        scheme, value = identifier
        return (value if scheme == "organisation_code" else self.vault.hmac(scheme, value)).encode()


def _tell(passengers: Sequence[_Passenger], sent: Sequence[bool | None]) -> None:
    for (_, _, done), outcome in zip(passengers, sent, strict=True):
        if not done.done():  # a request may have been cancelled meanwhile
            done.set_result(outcome)
