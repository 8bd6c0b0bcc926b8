"""The notifier as a process, with the real broker on both sides, killed at each of its crash points."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import orjson
import pytest

from credithub import topics
from credithub.crashpoints import LEDGER, POINTS, VARIABLE
from credithub.domain.notifications import Notification
from credithub.kafka.admin import KafkaAdmin, ensure_hub_topics
from credithub.kafka.producer import Producer
from credithub.settings import PREFIX, Settings
from credithub.vault import Vault, create_secrets
from tests.harness.eventually import eventually
from tests.harness.told import lift, notification
from tests.integration.notifier.agency import AgencyClient
from tests.integration.notifier.conftest import Room, admin_settings

OBLIGATIONS = 20
MINE = sorted(point for point in POINTS if point.startswith("notifier.") or point == "relay.after_send_before_mark")


class Whole:
    """One notifier process on the room's database, and an agency with its own account."""

    def __init__(self, room: Room, agency: str, folder: Path) -> None:
        self.room, self.agency, self.folder = room, agency, folder
        create_secrets(folder / "secrets")
        self.settings: Settings = dataclasses.replace(
            admin_settings(room.database), secrets_dir=str(folder / "secrets"), database_pool=8, instance="test"
        )
        self.client = AgencyClient(room.database, agency, "one-secret")
        self.producer = Producer(room.database.settings("matcher"), "test")
        self.process: asyncio.subprocess.Process | None = None
        self.agencies: list[str] = []

    async def prepare(self) -> None:
        await ensure_hub_topics(self.settings)
        await self.register(self.agency)
        await self.producer.start()

    async def register(self, agency: str) -> None:
        await self.room.register(agency, "kafka", "pull")
        self.agencies.append(agency)
        sealed = Vault.open(self.settings.secrets_dir).encrypt(b"one-secret", f"kafka-account:{agency}".encode())
        await self.room.database.rows(
            "INSERT INTO gateway.kafka_accounts (agency, username, iterations, salt, sealed_password)"
            " VALUES ($1, $1, 4096, $2, $3)",
            agency,
            os.urandom(16),
            sealed,
        )

    async def start(self, crash: str = "") -> None:
        env = {
            PREFIX + field.name.upper(): str(getattr(self.settings, field.name))
            for field in dataclasses.fields(Settings)
        }
        env |= {"PATH": os.environ["PATH"], LEDGER: str(self.folder / "crashes")} | ({VARIABLE: crash} if crash else {})
        with (self.folder / "log").open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "services.notifier", env=env, stdout=log, stderr=log
            )

    async def tell(self, *told: Notification) -> None:
        for topic, lane in ((topics.ENDS, "ends"), (topics.NOTIFICATIONS, "rest")):
            mine = [(one.agency.encode(), one.to_bytes()) for one in told if one.lane == lane]
            assert not mine or all(await self.producer.send_all(topic.name, mine))

    async def has_account(self) -> bool:
        found = await self.room.database.rows("SELECT 1 FROM notifier.kafka_users WHERE agency = $1", self.agency)
        return bool(found)

    async def all_have(self, number: int, state: str) -> bool:
        rows = await self.room.database.rows(
            "SELECT 1 FROM notifier.deliveries WHERE agency = $1 AND channel = 'kafka' AND state = $2",
            self.agency,
            state,
        )
        return len(rows) >= number

    async def answered(self, number: int) -> bool:
        rows = await self.room.database.rows(
            "SELECT 1 FROM notifier.outbox WHERE topic = 'credit.feedback' AND published"
            " AND convert_from(value, 'UTF8')::jsonb ->> 'agency' = $1",
            self.agency,
        )
        return len(rows) >= number

    async def stop(self) -> None:
        if self.process and self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(self.process.wait(), 30) == 0, (self.folder / "log").read_text()[-2000:]

    async def close(self) -> None:
        try:
            await self.stop()
        finally:
            self.client.close()
            await self.producer.stop()
            admin = KafkaAdmin(self.settings)
            await admin.withdraw(self.agencies)
            await admin.drop_users(self.agencies)


@pytest.fixture
async def whole(room: Room, agency: str, tmp_path: Path) -> AsyncIterator[Whole]:
    one = Whole(room, agency, tmp_path)
    await one.prepare()
    yield one
    await one.close()


def many(agency: str, version: int = 1) -> list[Notification]:
    return [notification(version, agency=agency, obligation=f"obl_{agency}_{n}") for n in range(OBLIGATIONS)]


async def test_from_the_matchers_topic_to_the_agency_and_back(whole: Whole) -> None:
    await whole.start()
    await eventually(whole.has_account, within=40)
    await whole.tell(*many(whole.agency))
    rest, ends, feedback = (topic.name for topic in topics.agency_topics(whole.agency))
    whole.client.open(rest, ends, group=f"{whole.agency}.reader")
    events = await whole.client.read_events(OBLIGATIONS)
    assert {event["type"] for event in events} == {"credithub.obligation.triggered.v1"}
    first = events[0]["data"]
    assert isinstance(first, dict)
    answer = {"obligation": first["obligation"], "epoch": 1, "version": 1, "answer": "executed"}
    assert await whole.client.write(feedback, orjson.dumps(answer)) is None
    assert await whole.client.write(feedback, b"nonsense") is None
    await eventually(lambda: whole.answered(1), within=30)
    (refused,) = await whole.client.read_events(1)
    assert refused["type"] == "credithub.obligation.feedback-refused.v1"
    await whole.tell(*(lift(2, agency=whole.agency, obligation=one.obligation) for one in many(whole.agency)))
    lifted = await whole.client.read_events(OBLIGATIONS)
    assert {event["type"] for event in lifted} == {"credithub.obligation.lifted.v1"}
    await eventually(lambda: whole.all_have(2 * OBLIGATIONS + 1, "delivered"))
    reported = await whole.room.database.rows(
        "SELECT 1 FROM notifier.outbox WHERE topic = 'credit.deliveries'"
        " AND convert_from(value, 'UTF8')::jsonb @> jsonb_build_object('agency', $1::text, 'outcome', 'delivered')",
        whole.agency,
    )
    assert len(reported) == 2 * OBLIGATIONS


@pytest.mark.timeout(400)
async def test_killed_at_every_crash_point_it_goes_on_where_it_was(whole: Whole) -> None:
    """Nothing is lost, nothing cancelled is told, and nothing of a lower version comes after a higher one."""
    work = Work(whole)
    for point in MINE:
        await whole.start(crash=point)
        await eventually(work.until_dead, within=60, why=f"{point} is never hit")
        assert (whole.folder / "crashes").read_text().split()[-1] == point
    await whole.start()
    await work.lift_all()
    rest, ends, _ = (topic.name for topic in topics.agency_topics(whole.agency))
    whole.client.open(rest, ends, group=f"{whole.agency}.reader")
    await eventually(work.all_is_told, within=60)
    await eventually(lambda: whole.answered(work.answers), within=60)


@dataclass(slots=True)
class Work:
    """Something for every loop of the notifier, again and again; then what must have come of it."""

    whole: Whole
    told: list[str] = field(default_factory=list[str])
    lifted: set[str] = field(default_factory=set[str])
    steps: int = 0
    answers: int = 0
    highest: dict[tuple[str, str], int] = field(default_factory=dict[tuple[str, str], int])

    async def until_dead(self) -> bool:
        assert self.whole.process
        if self.whole.process.returncode is not None:
            assert self.whole.process.returncode == -signal.SIGKILL
            return True
        await self.step()
        return False

    async def step(self) -> None:
        fresh = [f"obl_{self.whole.agency}_{len(self.told) + n}" for n in range(3)]
        await self.whole.tell(*(notification(agency=self.whole.agency, obligation=one) for one in fresh))
        self.told += fresh
        await self.lift(set(self.told[:-30]) - self.lifted)
        self.steps += 1
        if self.steps % 4 == 1:
            await self.whole.register(f"{self.whole.agency[:-7]}n{self.steps}-130822")
        answer = {"obligation": "obl_one", "epoch": 1, "version": 1, "answer": "acknowledged"}
        feedback = topics.agency_topics(self.whole.agency)[2].name
        if await self.whole.has_account() and await self.whole.client.write(feedback, orjson.dumps(answer)) is None:
            self.answers += 1

    async def lift(self, some: set[str]) -> None:
        await self.whole.tell(*(lift(2, agency=self.whole.agency, obligation=one) for one in sorted(some)))
        self.lifted |= some

    async def lift_all(self) -> None:
        await self.lift(set(self.told) - self.lifted)

    async def all_is_told(self) -> bool:
        """Reads on. A lift was told, or all was cancelled before anything was; versions never fall on a topic."""
        for message in await self.whole.client.read_many():
            data = orjson.loads(message.value() or b"")["data"]
            key = (str(message.topic()), str(data["obligation"]))
            assert data["version"] >= self.highest.get(key, 0), "a lower version after a higher one"
            self.highest[key] = data["version"]
        rows = await self.whole.room.database.rows(
            "SELECT obligation FROM notifier.tasks WHERE cancelled AND agency = $1", self.whole.agency
        )
        cancelled = {str(row["obligation"]) for row in rows}
        assert not cancelled & {obligation for _, obligation in self.highest}, "cancelled, and the agency got it"
        lifted = {obligation for (topic, obligation) in self.highest if topic.endswith(".ends")}
        return lifted | cancelled == set(self.told)
