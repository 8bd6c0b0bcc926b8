"""Understands how outbox rows become Kafka records: a published flag, one owner a shard, ends first, no cursor."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from credithub import metrics
from credithub.crashpoints import crashpoint
from credithub.db.engine import AsyncConnection, AsyncEngine, away, text
from credithub.db.outbox import SHARDS
from credithub.errors import Unavailable
from credithub.kafka.producer import Producer

TAKE = 2_000  # rows read at once


@dataclass(slots=True)
class Relay:
    """Publishes one schema's outbox. Many processes may run one; the advisory lock gives each shard one owner.

    A stopped owner may wake and repeat old rows (interleavings 10): receivers drop what they know by version.
    """

    engine: AsyncEngine
    producer: Producer
    schema: str
    _session: AsyncConnection | None = None
    _owned: list[int] = field(default_factory=list[int])

    async def run_once(self) -> int:
        """Publishes what is due in the shards it owns; gives the number of rows published."""
        try:
            return await self._round()
        except Exception as problem:
            if not away(problem):
                raise
            await self.stop()
            raise Unavailable(f"PostgreSQL: {problem}") from problem

    async def _round(self) -> int:
        session = await self._own()
        if not self._owned:
            return 0
        rows = await self._read(session)
        if not rows:
            return 0
        crashpoint("relay.after_read_before_send")
        published = await self._publish(rows)
        crashpoint("relay.after_send_before_mark")
        if published:
            await self._mark(session, published)
        crashpoint("relay.after_mark")
        return len(published)

    async def stop(self) -> None:
        session, self._session, self._owned = self._session, None, []
        if session is not None:
            await session.invalidate()  # closes the session, and with it the locks
            await session.close()

    async def _own(self) -> AsyncConnection:
        if self._session is None:
            self._session = await (await self.engine.connect()).execution_options(isolation_level="AUTOCOMMIT")
        if len(self._owned) < SHARDS:
            wanted = [shard for shard in range(SHARDS) if shard not in self._owned]
            rows = await self._session.execute(
                text("SELECT s, pg_try_advisory_lock(:space, s) AS mine FROM unnest(CAST(:wanted AS int[])) AS x(s)"),
                {"space": zlib.crc32(f"relay {self.schema}".encode()) - (1 << 31), "wanted": wanted},
            )
            self._owned += [int(row.s) for row in rows if row.mine]
        return self._session

    async def _read(self, session: AsyncConnection) -> Sequence[tuple[int, int, str, bytes, bytes]]:
        rows = await session.execute(
            text(
                f"SELECT epoch, id, topic, key, value FROM {self.schema}.outbox"
                " WHERE NOT published AND shard = ANY(CAST(:owned AS smallint[]))"
                " ORDER BY first DESC, epoch, id LIMIT :take"
            ),
            {"owned": self._owned, "take": TAKE},
        )
        return [(int(r.epoch), int(r.id), str(r.topic), bytes(r.key), bytes(r.value)) for r in rows]

    async def _publish(self, rows: Sequence[tuple[int, int, str, bytes, bytes]]) -> list[tuple[int, int]]:
        """Sends topic by topic; a row counts as published only with every earlier row of its topic."""
        done: list[tuple[int, int]] = []
        for topic in dict.fromkeys(row[2] for row in rows):
            mine = [row for row in rows if row[2] == topic]
            sent = await self.producer.send_all(topic, [(row[3], row[4]) for row in mine])
            for row, acknowledged in zip(mine, sent, strict=True):
                if acknowledged:
                    done.append((row[0], row[1]))
            if not all(sent):
                metrics.DEPENDENCY_ERRORS.labels("kafka").inc()
                break
        return done

    async def _mark(self, session: AsyncConnection, published: list[tuple[int, int]]) -> None:
        await session.execute(
            text(
                f"UPDATE {self.schema}.outbox AS o SET published = true"
                " FROM unnest(CAST(:epochs AS int[]), CAST(:ids AS bigint[])) AS x(epoch, id)"
                " WHERE o.epoch = x.epoch AND o.id = x.id"
            ),
            {"epochs": [p[0] for p in published], "ids": [p[1] for p in published]},
        )
