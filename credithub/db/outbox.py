"""Understands messages that a transaction owes to Kafka: rows written with the effect, published by the relay."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from credithub.db.engine import AsyncConnection, text

SHARDS = 8  # fixed for ever: a row's shard decides who may publish it, and in which order


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """One message. Rows of one `order_by` leave in the order they were written; `first` ones before all others."""

    topic: str
    key: bytes
    value: bytes
    order_by: str
    first: bool = False


def shard_of(order_by: str) -> int:
    return zlib.crc32(order_by.encode()) % SHARDS


async def put(conn: AsyncConnection, schema: str, epoch: int, messages: Sequence[Outgoing]) -> None:
    """Adds the messages to the schema's outbox, in one statement. The caller holds the lock that orders them."""
    if not messages:
        return
    await conn.execute(
        text(
            f"INSERT INTO {schema}.outbox (epoch, shard, first, topic, key, value)"
            " SELECT :epoch, s, f, t, k, v FROM unnest(CAST(:shards AS smallint[]), CAST(:firsts AS boolean[]),"
            " CAST(:topics AS text[]), CAST(:keys AS bytea[]), CAST(:values AS bytea[]))"
            " WITH ORDINALITY AS x(s, f, t, k, v, n) ORDER BY n"
        ),
        {
            "epoch": epoch,
            "shards": [shard_of(message.order_by) for message in messages],
            "firsts": [message.first for message in messages],
            "topics": [message.topic for message in messages],
            "keys": [message.key for message in messages],
            "values": [message.value for message in messages],
        },
    )


async def current_epoch(conn: AsyncConnection) -> int:
    """The epoch, read in the transaction that stamps it (interleavings 35)."""
    return int((await conn.execute(text("SELECT epoch FROM hub.epoch"))).scalar_one())
