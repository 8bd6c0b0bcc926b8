"""Understands the notifier's rooms in a test: its own database, agencies of its own, the real broker."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field

import asyncpg
import pytest

from credithub.db.engine import AsyncEngine, make_engine, text
from credithub.domain.notifications import Notification
from credithub.embedded.passwords import KAFKA_ADMIN
from credithub.settings import Settings
from services.notifier.bell import Bell
from services.notifier.channels import by_name
from services.notifier.deliver import Deliverer, Reaper
from services.notifier.rules import PULL
from services.notifier.store.connection import transaction
from services.notifier.store.taking import open_batch, write_batch
from tests.harness.channels import FakeChannel
from tests.harness.ground import Database


def admin_settings(database: Database) -> Settings:
    """The notifier's settings with the administrator's account, which only its reconciler uses."""
    return database.settings(
        "notifier", kafka_admin_user=KAFKA_ADMIN, kafka_admin_password=database.infra.passwords[KAFKA_ADMIN]
    )


@dataclass(slots=True)
class Room:
    """One notifier on a database of its own, its Kafka channel a fake that obeys the test."""

    database: Database
    engine: AsyncEngine
    gateway: AsyncEngine
    kafka: FakeChannel = field(default_factory=lambda: FakeChannel("kafka"))

    async def register(self, agency: str, *channels: str) -> str:
        connection = await asyncpg.connect(self.database.url("owner").replace("+asyncpg", ""))
        try:
            await connection.execute(
                "INSERT INTO gateway.agencies (id, department, division, name_zh, name_en, channels, valid_from)"
                " VALUES ($1, $2, $3, '演示', 'demo', $4, '2020-01-01')"
                " ON CONFLICT (id) DO UPDATE SET channels = excluded.channels",
                agency,
                agency.rpartition("-")[0],
                agency.rpartition("-")[2],
                list(channels),
            )
        finally:
            await connection.close()
        return agency

    async def take(self, *told: Notification) -> dict[str, int]:
        """As the consumer does it: decide and write in one transaction."""
        async with transaction(self.engine) as conn:
            batch = await open_batch(conn, told, frozenset({"kafka", PULL}))
            batch.take_all(told)
            await write_batch(conn, batch)
        return batch.counts

    def deliverer(self, lane: str = "rest") -> Deliverer:
        return Deliverer(self.engine, lane, by_name(self.kafka), Bell())  # type: ignore[arg-type]

    async def deliver(self) -> None:
        """Both lanes once, ends first, until what was begun is concluded."""
        for lane in ("ends", "rest"):
            one = self.deliverer(lane)
            await one.run_once()
            await one.drain()

    def reaper(self, lease: float = 0.0) -> Reaper:
        return Reaper(self.engine, by_name(self.kafka), [Bell()], lease)

    async def pull(
        self, agency: str, ends: int = 0, rest: int = 0, *, epoch: int | None = 1, limit: int = 100
    ) -> list[Mapping[str, object]]:
        async with self.gateway.begin() as conn:
            rows = await conn.execute(
                text("SELECT * FROM notifier.pull(:agency, :epoch, :ends, :rest, :limit)"),
                {"agency": agency, "epoch": epoch, "ends": ends, "rest": rest, "limit": limit},
            )
            return [dict(row) for row in rows.mappings()]

    async def deliveries(self) -> dict[tuple[str, str], str]:
        rows = await self.database.rows("SELECT message, channel, state FROM notifier.deliveries")
        return {(str(row["message"]), str(row["channel"])): str(row["state"]) for row in rows}

    async def reports(self) -> Sequence[Mapping[str, object]]:
        return await self.database.rows(
            "SELECT convert_from(value, 'UTF8')::jsonb ->> 'outcome' AS outcome,"
            " (convert_from(value, 'UTF8')::jsonb ->> 'version')::int AS version,"
            " convert_from(value, 'UTF8')::jsonb ->> 'channel' AS channel"
            " FROM notifier.outbox WHERE topic = 'credit.deliveries' ORDER BY id"
        )


@pytest.fixture
async def room(database: Database) -> AsyncIterator[Room]:
    engine = make_engine(database.settings("notifier"), "notifier")
    gateway = make_engine(database.settings("gateway"), "gateway")
    yield Room(database, engine, gateway)
    await engine.dispose()
    await gateway.dispose()


@pytest.fixture
def agency() -> str:
    """An agency that no other test's topics can be confused with."""
    return f"t{secrets.token_hex(4)}-130822"
