"""Understands a county's hub without a broker: topics are lists, PostgreSQL is real, and so are its dumps."""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from credithub import topics
from credithub.db.engine import AsyncConnection
from credithub.db.positions import Place as Partition
from credithub.db.positions import Positions
from credithub.db.restores import READERS
from credithub.domain.events import CreditEvent
from credithub.domain.notifications import Notification
from credithub.embedded import database as keeping
from credithub.embedded import pgtools
from credithub.embedded.archive import Manifest, TopicEnds, digest
from credithub.embedded.pgtools import Place
from credithub.embedded.restore import Plan, Told, gaps_of, marks
from credithub.embedded.restore_report import Report, report
from credithub.kafka.consumer import Record
from credithub.kafka.offsets import Extent
from credithub.settings import Settings
from services.matcher.on_events import OnEvents
from services.matcher.on_restore import OnRestore
from services.notifier.store.taking import open_batch, write_batch
from tests.integration.matcher.conftest import Matcher, catalogue, matcher
from tests.integration.notifier.conftest import Room, room

__all__ = ["catalogue", "matcher", "room", "town"]

AGENCY, OTHER = "mnr-130822", "mohurd-130822"
CLUSTER = "lists"


@dataclass(slots=True)
class Desk:
    """An agency as the guide asks for it: it keeps the highest version of each obligation, and drops what is below."""

    newest: dict[str, tuple[tuple[int, int], str]] = field(default_factory=dict[str, tuple[tuple[int, int], str]])
    dropped: list[Notification] = field(default_factory=list[Notification])

    def hear(self, told: Notification) -> None:
        version = (told.epoch, told.version)
        if version > self.newest.get(told.obligation, ((0, 0), ""))[0]:
            self.newest[told.obligation] = version, told.state
        else:
            self.dropped.append(told)

    def holds(self) -> set[str]:
        return {obligation for obligation, (_, state) in self.newest.items() if state != "lifted"}


@dataclass(slots=True)
class Dump:
    """A dump, and how long the topics were then."""

    file: Path
    manifest: Manifest


@dataclass(slots=True)
class Town:
    """Matcher, notifier and two agencies on one database. What was appended to a topic stays there whatever happens."""

    matcher: Matcher
    room: Room
    folder: Path
    logs: dict[str, list[bytes]] = field(default_factory=lambda: {reader.topic.name: [] for reader in READERS})
    desks: dict[str, Desk] = field(default_factory=lambda: {AGENCY: Desk(), OTHER: Desk()})
    begins: dict[str, int] = field(default_factory=dict[str, int])  # what was before is gone from the topic
    heard: int = 0
    numbers: itertools.count[int] = field(default_factory=itertools.count)

    @property
    def place(self) -> Place:
        return Place.of(Settings(database_url=self.room.database.url("owner")), own_programs=True)

    # ------------------------------------------------------------------------------------------ a day
    async def day(self, *events: CreditEvent) -> None:
        """The events come in, and everybody does what follows from them."""
        self.logs[topics.EVENTS.name] += [event.to_bytes() for event in events]
        await self.match()
        await self.notify()

    async def match(self) -> None:
        """The matcher reads to the end, and what it owes goes out."""
        await self._read(topics.EVENTS.name, self._matched)
        await self.relay()

    async def notify(self) -> None:
        """The notifier reads both lanes to their ends, and delivers."""
        for lane in (topics.ENDS, topics.NOTIFICATIONS):
            await self._read(lane.name, self._taken)
        await self.room.deliver()
        for parcel in self.room.kafka.got[self.heard :]:
            self.desks[parcel.agency].hear(Notification.from_bytes(parcel.payload.encode()))
        self.heard = len(self.room.kafka.got)

    async def take_rest(self) -> None:
        """The notifier writes down what it owes, and has told nobody yet."""
        await self._read(topics.NOTIFICATIONS.name, self._taken)

    async def relay(self) -> None:
        rows = await self.room.database.rows(
            "UPDATE matcher.outbox SET published = true WHERE NOT published RETURNING epoch, id, topic, value"
        )
        for row in sorted(rows, key=lambda row: (row["epoch"], row["id"])):  # type: ignore[arg-type, return-value]
            self.logs[str(row["topic"])].append(bytes(row["value"]))  # type: ignore[call-overload]

    async def settle(self) -> int:
        """What the matcher's loop does about a restore; gives how many obligations were issued again."""
        again = await OnRestore(self.matcher.engine, self.matcher.books).run_once()
        await self.relay()
        return again

    async def catch_up(self) -> None:
        await self.match()
        await self.notify()
        while await self.settle():
            await self.notify()
        await self.settle()

    # ------------------------------------------------------------------------------------------ keeping
    async def dump(self) -> Dump:
        file = self.folder / f"{next(self.numbers)}.dump"
        ends = tuple(TopicEnds(topic=t, topic_id=f"id-{t}", ends=(len(log),)) for t, log in self.logs.items())
        async with keeping.connected(self.place) as connection:
            server = await keeping.server_version(connection)
            async with keeping.moment(connection) as facts:
                pgtools.dump(self.place, pgtools.programs(self.place, server), file, facts.snapshot)
        manifest = Manifest(
            made_at="2026-11-20T00:00:00Z", epoch=facts.epoch, clock_ahead_seconds=0, revision=facts.revision,
            catalogues=(), secrets="", server=server, cluster=CLUSTER, topics=ends, positions=facts.positions,
            sha256=digest(file),
        )  # fmt: skip
        return Dump(file, manifest)

    async def restore(self, dump: Dump, *, epoch: int) -> None:
        """As `credithub restore` does it, with lists in Kafka's place."""
        await self.matcher.engine.dispose()
        await self.room.engine.dispose()
        await self.room.gateway.dispose()
        plan = self.plan(dump, epoch)
        drop = "".join(f"DROP SCHEMA {schema} CASCADE;\n" for schema in plan.schemas) + "DROP TABLE schema_version;"
        pgtools.put_back(self.place, plan.programs, dump.file, server=plan.server, before=drop, after=marks(plan))

    def plan(self, dump: Dump, epoch: int) -> Plan:
        told = Told()
        for lane in (topics.ENDS.name, topics.NOTIFICATIONS.name):
            for value in self.logs[lane][dump.manifest.ends_of(lane)[0] :]:
                told.hear(Notification.from_bytes(value))
        there = Extent(
            cluster=CLUSTER,
            topic_ids={topic: f"id-{topic}" for topic in self.logs},
            begins={(topic, 0): self.begins.get(topic, 0) for topic in self.logs},
            ends={(topic, 0): len(log) for topic, log in self.logs.items()},
        )
        return Plan(
            manifest=dump.manifest, dump=dump.file, epoch=epoch, same_kafka=True, there=there, told=told,
            gaps=gaps_of(dump.manifest.positions, there),
            server=dump.manifest.server, programs=pgtools.programs(self.place, dump.manifest.server),
            schemas=("gateway", "hub", "ingest", "matcher", "notifier"),
        )  # fmt: skip

    async def report(self) -> Report:
        async with keeping.connected(self.place) as connection:
            found = await report(connection)
        assert found
        return found

    async def rows(self, sql: str, *values: object) -> list[Mapping[str, object]]:
        return await self.room.database.rows(sql, *values)

    # ------------------------------------------------------------------------------------------ reading topics
    async def _read(self, topic: str, handle: Callable[[AsyncConnection, list[bytes]], Awaitable[None]]) -> None:
        reader = next(reader for reader in READERS if reader.topic.name == topic)
        positions = Positions(schema=reader.service, group=reader.group, cluster=CLUSTER)
        place = Partition(topic=topic, topic_id=f"id-{topic}", partition=0)
        engine = self.matcher.engine if reader.service == "matcher" else self.room.engine
        async with engine.begin() as conn:
            at = (await positions.load(conn, [place]))[place]
        assert at >= self.begins.get(topic, 0), "Kafka does not have it any more"
        values = self.logs[topic][at:]
        if not values:
            return
        async with engine.begin() as conn:
            await handle(conn, values)
            await positions.advance(conn, {place: (at, at + len(values))})

    async def _matched(self, conn: AsyncConnection, values: list[bytes]) -> None:
        records = [Record(topics.EVENTS.name, 0, n, b"k", value, 0) for n, value in enumerate(values)]
        await (await OnEvents(self.matcher.books)(records))(conn)

    async def _taken(self, conn: AsyncConnection, values: list[bytes]) -> None:
        told = [Notification.from_bytes(value) for value in values]
        batch = await open_batch(conn, told, frozenset({"kafka", "pull"}))
        batch.take_all(told)
        await write_batch(conn, batch)


@pytest.fixture
async def town(matcher: Matcher, room: Room, tmp_path: Path) -> Town:
    """Two of the acting departments have an office here."""
    matcher.have([AGENCY, OTHER])
    for agency in (AGENCY, OTHER):
        await room.register(agency, "kafka", "pull")
    return Town(matcher, room, tmp_path)
