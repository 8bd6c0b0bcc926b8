"""Understands the relay on PostgreSQL: a flag and no cursor, one owner a shard, ends first."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

import pytest

from credithub.db import outbox
from credithub.db.engine import AsyncEngine, make_engine, text
from credithub.db.outbox import Outgoing
from credithub.relay import Relay
from tests.harness.ground import Database


@dataclass
class Broker:
    """A producer that remembers; `lost` values are not acknowledged."""

    sent: list[bytes] = field(default_factory=list[bytes])
    lost: set[bytes] = field(default_factory=set[bytes])

    async def send_all(self, topic: str, messages: Sequence[tuple[bytes, bytes]]) -> list[bool]:
        del topic
        self.sent += [value for _, value in messages]
        return [value not in self.lost for _, value in messages]


@pytest.fixture
async def engine(database: Database) -> AsyncIterator[AsyncEngine]:
    made = make_engine(database.settings("matcher"), "matcher")
    yield made
    await made.dispose()


async def owe(engine: AsyncEngine, *messages: Outgoing) -> None:
    async with engine.begin() as conn:
        await outbox.put(conn, "matcher", 1, messages)


def message(
    value: bytes, *, first: bool = False, topic: str = "credit.notifications", of: str = "PDY900077"
) -> Outgoing:
    return Outgoing(topic=topic, key=b"agency", value=value, order_by=of, first=first)


def relay(engine: AsyncEngine, broker: Broker) -> Relay:
    return Relay(engine, broker, "matcher")  # type: ignore[arg-type]


async def test_a_row_that_commits_after_a_later_one_was_published_is_published_too(engine: AsyncEngine) -> None:
    """Interleavings 9: a cursor would have passed it by."""
    broker = Broker()
    one = relay(engine, broker)
    async with engine.connect() as slow:
        held = await slow.begin()
        await outbox.put(slow, "matcher", 1, [message(b"earlier number, later commit")])
        await owe(engine, message(b"later number, earlier commit"))
        assert await one.run_once() == 1
        await held.commit()
    assert await one.run_once() == 1
    assert broker.sent == [b"later number, earlier commit", b"earlier number, later commit"]
    assert await one.run_once() == 0
    await one.stop()


async def test_each_shard_has_one_owner_and_its_rows_go_on_when_that_one_dies(engine: AsyncEngine) -> None:
    first, second = Broker(), Broker()
    owner, waiting = relay(engine, first), relay(engine, second)
    assert await owner.run_once() == 0
    await owe(engine, message(b"a"), message(b"b", of="PDY900085"))
    assert await waiting.run_once() == 0, "the other owns every shard"
    await owner.stop()
    assert await waiting.run_once() == 2
    assert (first.sent, second.sent) == ([], [b"a", b"b"])
    await waiting.stop()


async def test_what_was_not_acknowledged_stays_owed(engine: AsyncEngine) -> None:
    broker = Broker(lost={b"b"})
    one = relay(engine, broker)
    await owe(engine, message(b"a"), message(b"b"))
    assert await one.run_once() == 1
    async with engine.connect() as conn:
        left = await conn.execute(text("SELECT value FROM matcher.outbox WHERE NOT published"))
        assert [bytes(row.value) for row in left] == [b"b"]
    broker.lost.clear()
    assert await one.run_once() == 1
    await one.stop()


async def test_ends_leave_before_whatever_was_written_earlier(engine: AsyncEngine) -> None:
    broker = Broker()
    one = relay(engine, broker)
    await owe(engine, message(b"trigger"), message(b"lift", first=True, topic="credit.notifications.ends"))
    assert await one.run_once() == 2
    assert broker.sent == [b"lift", b"trigger"]
    await one.stop()
