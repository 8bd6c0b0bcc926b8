"""Understands a fan-out as it happens: matcher and notifier as processes on one database, killed and started at will."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import secrets
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import orjson
from aiokafka import AIOKafkaConsumer, TopicPartition

from credithub import topics
from credithub.crashpoints import LEDGER, VARIABLE
from credithub.db.restores import READERS
from credithub.domain.catalogue import Catalogue, Measure, load
from credithub.domain.events import CreditEvent
from credithub.domain.notifications import Notification
from credithub.kafka.admin import KafkaAdmin, ensure_hub_topics
from credithub.kafka.connection import aiokafka_options
from credithub.kafka.offsets import extent
from credithub.kafka.producer import Producer
from credithub.settings import PREFIX, Settings
from credithub.vault import create_secrets
from tests.harness.eventually import eventually
from tests.harness.ground import ROOT
from tests.integration.notifier.conftest import Room, admin_settings

AGENCIES, MEASURES = 20, 50  # one record calls upon each of the agencies fifty times: a fan-out of 1 000
Heard = tuple[str, int, str, int]  # obligation, version, state, Kafka's timestamp


def wide_catalogue(agencies: int = AGENCIES, measures: int = MEASURES) -> Catalogue:
    """The bench's catalogue, in which a penalty calls upon so many departments with so many measures each."""
    bench = load(ROOT / "bench" / "catalogue")
    pattern = next(measure for measure in bench.content.measures if measure.binding == "mandatory")
    departments = tuple(each.code for each in bench.content.departments if each.valid_to is None)[:agencies]
    wide: list[Measure] = [
        dataclasses.replace(pattern, id=f"W-{n:03d}", departments=departments, triggers=("penalty",), grants=())
        for n in range(measures)
    ]
    manifest = dataclasses.replace(bench.content.manifest, version="2026-wide.1")
    return Catalogue(dataclasses.replace(bench.content, measures=tuple(wide), manifest=manifest))


@dataclass(slots=True)
class Program:
    """One service as a process: started, killed, started again."""

    name: str
    settings: Settings
    folder: Path
    process: asyncio.subprocess.Process | None = None

    @property
    def ledger(self) -> Path:
        return self.folder / f"{self.name}.crashes"

    async def start(self, crash: str = "") -> None:
        env = {
            PREFIX + each.name.upper(): str(getattr(self.settings, each.name)) for each in dataclasses.fields(Settings)
        }
        env |= {"PATH": os.environ["PATH"], LEDGER: str(self.ledger)} | ({VARIABLE: crash} if crash else {})
        with (self.folder / f"{self.name}.log").open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", f"services.{self.name}", env=env, cwd=ROOT, stdout=log, stderr=log
            )

    async def dies_at(self, point: str) -> None:
        """Starts, and dies there."""
        await self.start(crash=point)
        assert self.process
        try:
            code = await asyncio.wait_for(self.process.wait(), 40)
        except TimeoutError:
            raise AssertionError(f"{self.name} never passes {point}") from None
        assert code == -signal.SIGKILL, (self.folder / f"{self.name}.log").read_text()[-3000:]
        assert self.ledger.read_text().split()[-1] == point.split(":", maxsplit=1)[0]

    async def kill(self, after: float = 0.0) -> None:
        """As by kill -9, so many seconds from now."""
        assert self.process
        await asyncio.wait({asyncio.create_task(self.process.wait())}, timeout=after)
        self.process.kill()
        assert await self.process.wait() == -signal.SIGKILL, (self.folder / f"{self.name}.log").read_text()[-3000:]

    async def stop(self) -> None:
        if self.process and self.process.returncode is None:
            self.process.terminate()
            assert await asyncio.wait_for(self.process.wait(), 30) == 0


@dataclass(slots=True)
class Fan:
    """Twenty agencies of one county: eight read topics, two read both ways, ten pull, of whom five never ask."""

    room: Room
    folder: Path
    catalogue: Catalogue = field(default_factory=wide_catalogue)
    division: str = field(default_factory=lambda: f"46{secrets.randbelow(89) + 10}{secrets.randbelow(89) + 10}")
    matcher: Program = field(init=False)
    notifier: Program = field(init=False)
    events: Producer = field(init=False)
    asked: dict[str, list[Mapping[str, object]]] = field(default_factory=dict[str, "list[Mapping[str, object]]"])

    def __post_init__(self) -> None:
        create_secrets(self.folder / "secrets")
        told = {"secrets_dir": str(self.folder / "secrets"), "database_pool": 8, "instance": "fan"}
        database = self.room.database
        self.matcher = Program("matcher", database.settings("matcher", **told), self.folder)
        self.notifier = Program("notifier", database.settings("notifier", batch_records=100, **told), self.folder)
        self.events = Producer(database.settings("ingest"), "test")

    # ------------------------------------------------------------------------------------------ who takes part
    @property
    def agencies(self) -> list[str]:
        departments = self.catalogue.content.measures[0].departments
        return [f"{department}-{self.division}" for department in departments]

    @property
    def by_topic(self) -> list[str]:
        return self.agencies[:10]

    @property
    def asking(self) -> list[str]:
        return self.agencies[8:15]

    @property
    def silent(self) -> list[str]:
        return self.agencies[15:]

    async def prepare(self) -> None:
        """Topics and positions as they are for a hub that has read all there is; nothing runs yet."""
        admin = KafkaAdmin(admin_settings(self.room.database))
        await ensure_hub_topics(admin_settings(self.room.database))
        await admin.make_topics([topic for agency in self.by_topic for topic in topics.agency_topics(agency)])
        await self._at_the_end()
        for number, agency in enumerate(self.agencies):
            channels = ["kafka"] * (number < 10) + ["pull"] * (number >= 8)
            await self.room.register(agency, *channels)
        content = orjson.dumps(self.catalogue.to_json()).decode()
        await self.room.database.rows(
            "INSERT INTO gateway.catalogues (version, effective_from, illustrative, content, digest, loaded_by)"
            " VALUES ($1, '2026-01-01', true, $2, $3, 'test')",
            self.catalogue.version, content, self.catalogue.digest,
        )  # fmt: skip
        await self.events.start()

    async def _at_the_end(self) -> None:
        """What other tests have left on the topics is none of ours."""
        readers = [reader for reader in READERS if reader.service != "ingest"]
        now = await extent(self.room.database.settings("matcher"), [reader.topic.name for reader in readers])
        for reader in readers:
            for (topic, partition), end in now.ends.items():
                if topic == reader.topic.name:
                    await self.room.database.rows(
                        f"INSERT INTO {reader.service}.positions (grp, cluster, topic, topic_id, partition, position)"
                        " VALUES ($1, $2, $3, $4, $5, $6)",
                        reader.group, now.cluster, topic, now.topic_ids[topic], partition, end,
                    )  # fmt: skip

    async def close(self) -> None:
        await self.matcher.stop()
        await self.notifier.stop()
        await self.events.stop()

    # ------------------------------------------------------------------------------------------ what happens
    async def happens(self, *events: CreditEvent) -> None:
        records = [((event.organisation_code or "").encode(), event.to_bytes()) for event in events]
        assert all(await self.events.send_all(topics.EVENTS.name, records))

    async def ask(self) -> None:
        """Those who ask read their whole feed, from the beginning as after a loss."""
        for agency in self.asking:
            ends = rest = 0
            while page := await self.room.pull(agency, ends, rest, limit=1000):
                self.asked.setdefault(agency, []).extend(page)
                ends = max([ends, *(int(str(row["number"])) for row in page if row["lane"] == "ends")])
                rest = max([rest, *(int(str(row["number"])) for row in page if row["lane"] == "rest")])

    # ------------------------------------------------------------------------------------------ what came of it
    async def begun(self) -> set[str]:
        """Obligations of which an attempt of the trigger was ever begun: the log of attempts says so."""
        rows = await self.room.database.rows(
            "SELECT DISTINCT d.obligation FROM notifier.attempts a JOIN notifier.deliveries d"
            " ON d.agency = a.agency AND d.message = a.message WHERE d.version = 1"
        )
        return {str(row["obligation"]) for row in rows}

    async def attempted(self) -> set[str]:
        """Obligations of which an attempt of any version was ever begun."""
        rows = await self.room.database.rows("SELECT DISTINCT message FROM notifier.attempts")
        return {str(row["message"]).split(".")[0] for row in rows}

    async def states(self) -> dict[str, str]:
        rows = await self.room.database.rows("SELECT obligation, state FROM matcher.obligations")
        return {str(row["obligation"]): str(row["state"]) for row in rows}

    async def count(self, sql: str) -> int:
        (row,) = await self.room.database.rows(f"SELECT count(*) AS n FROM {sql}")
        return int(str(row["n"]))

    async def heard(self) -> list[Heard]:
        """Everything on the agencies' topics, in the order of its time."""
        names = [topic.name for agency in self.by_topic for topic in topics.agency_topics(agency)[:2]]
        options = aiokafka_options(self.room.database.settings("notifier"))
        consumer = AIOKafkaConsumer(**options, group_id=None, enable_auto_commit=False, auto_offset_reset="earliest")
        await consumer.start()
        found: list[tuple[int, Heard]] = []
        try:
            places = [TopicPartition(name, 0) for name in names]
            consumer.assign(places)
            ends = await consumer.end_offsets(places)
            while any([await consumer.position(place) < end for place, end in ends.items()]):
                for records in (await consumer.getmany(timeout_ms=200)).values():
                    found += [(record.timestamp, _heard(record.value or b"", record.timestamp)) for record in records]
        finally:
            await consumer.stop()
        return [heard for _, heard in sorted(found)]

    async def settled(self, within: float) -> None:
        """Every record has ended for everybody: nothing waits in an outbox, a lane or a channel that is pushed."""
        await eventually(self._all_over, lambda left: not left, within=within, why="nothing is left to do")

    async def _all_over(self) -> Sequence[str]:
        waiting = {
            "triggered": "matcher.obligations WHERE state NOT IN ('lifting', 'lifted', 'cancelled')",
            "matcher's outbox": "matcher.outbox WHERE NOT published",
            "notifier's outbox": "notifier.outbox WHERE NOT published",
            "deliveries": "notifier.deliveries WHERE channel <> 'pull' AND state IN ('due', 'failed', 'in-flight')",
            "not taken": "matcher.outbox o WHERE o.topic LIKE 'credit.notifications%' AND NOT EXISTS (SELECT FROM"
            " notifier.notifications n WHERE n.message = convert_from(o.value, 'UTF8')::jsonb ->> 'message')",
            "not reported": "notifier.tasks t JOIN matcher.obligations o USING (obligation)"
            " WHERE t.cancelled AND o.state <> 'cancelled'",
        }
        return [f"{what}: {n}" for what, sql in waiting.items() if (n := await self.count(sql))]


def _heard(value: bytes, timestamp: int) -> Heard:
    told = Notification(**orjson.loads(value)["data"])
    return told.obligation, told.version, told.state, timestamp


__all__ = ["Fan", "Program", "wide_catalogue"]
