"""Understands one step of the path: read a batch, decide, write what was decided and the position at once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from credithub import clock, metrics
from credithub.crashpoints import crashpoint
from credithub.db.engine import AsyncConnection, AsyncEngine, away, text
from credithub.db.positions import Place, Positions
from credithub.errors import Fenced, Unavailable
from credithub.kafka.connection import Identity, identify
from credithub.kafka.consumer import Reader, Record
from credithub.log import logger
from credithub.settings import Settings

Write = Callable[[AsyncConnection], Awaitable[Mapping[str, int]]]  # gives counts by outcome
Handler = Callable[[Sequence[Record]], Awaitable[Write]]

HINT_SECONDS = 5  # how often Kafka is told how far we are


@dataclass(slots=True)
class Consumer:
    """Reads `topics` as `group`; positions live in `schema`.positions, parked records in `schema`.parked.

    The handler may raise Unavailable: the batch is read again later. Any other exception of a single
    record is a bug of ours: that record is parked with its error, visibly, and the partition goes on.
    """

    settings: Settings
    engine: AsyncEngine
    schema: str
    group: str
    topics: list[str]
    handle: Handler
    lanes: int = 1  # transactions at once; each has whole partitions
    _identity: Identity | None = None
    _reader: Reader | None = None
    _next: dict[tuple[str, int], int] = field(default_factory=dict[tuple[str, int], int])
    _hinted: float = 0.0

    async def start(self) -> None:
        self._identity = await identify(self.settings, self.topics)
        self._reader = Reader(self.settings, self.group, self.topics, self._where_from)
        await self._reader.start()

    async def stop(self) -> None:
        if self._reader is not None:
            await self._reader.hint(self._next)
            await self._reader.stop()

    def silent_for(self) -> float:
        return self._reader.silent_for() if self._reader else 0.0

    async def run_once(self) -> int:
        """Handles one batch; gives the number of records handled. Nothing is lost by any exception here."""
        reader = self._started()
        records = await reader.read(self.settings.batch_records, self.settings.poll_ms)
        if not records:
            self._lag([])
            return 0
        began = time.monotonic()
        if not await self._in_place(reader, records):
            return 0
        try:
            await self._side_by_side(records)
        except Fenced:
            await reader.seek_stored()
            return 0
        except Exception as problem:
            await reader.seek_stored()
            if isinstance(problem, Unavailable) or away(problem):
                raise Unavailable(str(problem)) from problem
            raise
        metrics.BATCH_SECONDS.labels(self.group).observe(time.monotonic() - began)
        self._lag(records)
        await self._hint(reader)
        return len(records)

    async def _side_by_side(self, records: Sequence[Record]) -> None:
        """Partitions are independent: they are handled in `lanes` transactions at once."""
        lanes: dict[int, list[Record]] = {}
        for record in records:
            lanes.setdefault(record.partition % self.lanes, []).append(record)
        ended = await asyncio.gather(*map(self._work, lanes.values()), return_exceptions=True)
        for problem in ended:
            if problem is not None:
                raise problem

    async def _work(self, records: Sequence[Record]) -> None:
        try:
            await self._write(records, await self.handle(records))
        except (Fenced, Unavailable):
            raise
        except Exception as problem:
            if away(problem):
                raise
            await self._one_by_one(records, problem)

    async def _one_by_one(self, records: Sequence[Record], problem: Exception) -> None:
        """A record in this batch meets a bug: the others are handled, that one is parked with its error."""
        if len(records) > 1:
            for record in records:
                await self._work([record])
            return
        logger().error(
            "record.parked", group=self.group, offset=records[0].offset, error=type(problem).__name__, exc_info=problem
        )
        await self._write(records, _park(self.schema, self.group, records[0], problem))

    async def _write(self, records: Sequence[Record], write: Write) -> None:
        moves = self._moves(records)
        async with self.engine.connect() as conn:
            transaction = await conn.begin()
            counts = await write(conn)
            await self._positions().advance(conn, moves)
            crashpoint(f"{self.schema}.after_write_before_commit")
            await transaction.commit()
        crashpoint(f"{self.schema}.after_commit")
        for place, (_, after) in moves.items():
            self._next[place.topic, place.partition] = after
        for outcome, number in counts.items():
            metrics.HANDLED.labels(self.group, outcome).inc(number)

    def _moves(self, records: Sequence[Record]) -> dict[Place, tuple[int, int]]:
        moves: dict[Place, tuple[int, int]] = {}
        for record in records:
            place = self._place(record.topic, record.partition)
            first = moves[place][0] if place in moves else record.offset
            moves[place] = (min(first, self._next[record.topic, record.partition]), record.offset + 1)
        return moves

    async def _in_place(self, reader: Reader, records: Sequence[Record]) -> bool:
        """Whether each partition's records begin where PostgreSQL says; if not, goes there."""
        firsts: dict[tuple[str, int], int] = {}
        for record in records:
            firsts.setdefault((record.topic, record.partition), record.offset)
        if all(self._next.get(key) == offset for key, offset in firsts.items()):
            return True
        await reader.seek_stored()
        return False

    async def _where_from(self, held: Sequence[tuple[str, int]]) -> Mapping[tuple[str, int], int]:
        places = [self._place(topic, partition) for topic, partition in held]
        try:
            async with self.engine.begin() as conn:
                stored = await self._positions().load(conn, places)
        except Exception as problem:
            if not away(problem):
                raise
            for key in held:
                self._next.pop(key, None)  # unknown: the next batch asks again
            return {}
        found = {(place.topic, place.partition): offset for place, offset in stored.items()}
        self._next.update(found)
        return found

    def _place(self, topic: str, partition: int) -> Place:
        assert self._identity is not None
        return Place(topic=topic, topic_id=self._identity.topic_ids[topic], partition=partition)

    def _positions(self) -> Positions:
        assert self._identity is not None
        return Positions(schema=self.schema, group=self.group, cluster=self._identity.cluster)

    def _started(self) -> Reader:
        if self._reader is None:
            raise Unavailable("the consumer has not been started")
        return self._reader

    async def _hint(self, reader: Reader) -> None:
        if time.monotonic() - self._hinted > HINT_SECONDS:
            self._hinted = time.monotonic()
            await reader.hint(self._next)

    def _lag(self, records: Sequence[Record]) -> None:
        reader = self._started()
        behind: dict[str, int] = dict.fromkeys(self.topics, 0)
        for topic, partition in reader.held():
            end, at = reader.end_of(topic, partition), self._next.get((topic, partition))
            if end is not None and at is not None:
                behind[topic] += max(0, end - at)
        for topic, messages in behind.items():
            metrics.LAG_MESSAGES.labels(topic).set(messages)
            oldest = min((r.timestamp for r in records if r.topic == topic), default=0)
            seconds = max(0.0, clock.wall().timestamp() - oldest / 1000) if messages and oldest else 0.0
            metrics.LAG_SECONDS.labels(topic).set(seconds)


def _park(schema: str, group: str, record: Record, problem: Exception) -> Write:
    async def write(conn: AsyncConnection) -> Mapping[str, int]:
        await conn.execute(
            text(
                f'INSERT INTO {schema}.parked (grp, topic, partition, "offset", key, value, error)'
                " VALUES (:grp, :topic, :partition, :offset, :key, :value, :error) ON CONFLICT DO NOTHING"
            ),
            {
                "grp": group,
                "topic": record.topic,
                "partition": record.partition,
                "offset": record.offset,
                "key": record.key,
                "value": record.value,
                "error": type(problem).__name__,
            },
        )
        return {"parked": 1}

    return write
