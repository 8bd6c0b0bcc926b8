"""Understands the agencies of the registry, with the Kafka account of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date

from credithub.db.engine import AsyncConnection, text
from services.gateway.store.acts import Actor, acting, write_audit
from services.gateway.store.database import Database, Row
from services.gateway.store.keys import NewKey, insert_key

COLUMNS = (
    "a.id, a.department, a.division, a.name_zh, a.name_en, a.kind, a.channels, a.superior, a.valid_from, a.valid_to,"
    " a.demo, k.username AS kafka_username, k.enabled AS kafka_enabled"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAgency:
    """An agency as the operator describes it."""

    id: str
    department: str
    division: str
    name_zh: str
    name_en: str
    kind: str
    channels: list[str]
    superior: str | None
    valid_from: date
    demo: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAccount:
    """A Kafka account; its password is told once, and kept sealed because Kafka's admin client asks for it."""

    username: str
    iterations: int
    salt: bytes
    sealed_password: bytes


class Agencies:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(self, *, after: str, limit: int) -> Sequence[Row]:
        return await self._database.rows(
            f"SELECT {COLUMNS} FROM gateway.agencies a LEFT JOIN gateway.kafka_accounts k ON k.agency = a.id"
            " WHERE a.id > :after ORDER BY a.id LIMIT :limit",
            after=after,
            limit=limit,
        )

    async def find(self, agency: str) -> Row | None:
        return await self._database.row(
            f"SELECT {COLUMNS} FROM gateway.agencies a LEFT JOIN gateway.kafka_accounts k ON k.agency = a.id"
            " WHERE a.id = :id",
            id=agency,
        )

    async def add(self, agency: NewAgency, account: NewAccount | None, key: NewKey, actor: Actor) -> None:
        """The agency, its Kafka account and its first key at once. Raises Taken."""
        async with acting(self._database) as connection:
            await connection.execute(
                text(
                    "INSERT INTO gateway.agencies (id, department, division, name_zh, name_en, kind, channels, superior,"
                    " valid_from, demo) VALUES (:id, :department, :division, :name_zh, :name_en, :kind,"
                    " CAST(:channels AS text[]), :superior, :valid_from, :demo)"
                ),
                asdict(agency),
            )
            if account is not None:
                await _insert_account(connection, agency.id, account)
            await insert_key(connection, key, actor)
            detail = {"channels": agency.channels, "key": key.id, "kafka": account is not None}
            await write_audit(connection, actor, "agency.added", agency.id, detail)

    async def end(self, agency: str, on: date, actor: Actor) -> bool:
        """Takes an agency out of force: its keys and its Kafka account stop now. False: none such in force."""
        async with acting(self._database) as connection:
            ended = await connection.execute(
                text(
                    "UPDATE gateway.agencies SET valid_to = GREATEST(valid_from, CAST(:on AS date))"
                    " WHERE id = :id AND valid_to IS NULL RETURNING id"
                ),
                {"id": agency, "on": on},
            )
            if ended.first() is None:
                return False
            await _stop_credentials(connection, agency)
            await write_audit(connection, actor, "agency.ended", agency, {"on": on.isoformat()})
            return True


async def _insert_account(connection: AsyncConnection, agency: str, account: NewAccount) -> None:
    await connection.execute(
        text(
            "INSERT INTO gateway.kafka_accounts (agency, username, iterations, salt, sealed_password)"
            " VALUES (:agency, :username, :iterations, :salt, :sealed_password)"
        ),
        asdict(account) | {"agency": agency},
    )


async def _stop_credentials(connection: AsyncConnection, agency: str) -> None:
    await connection.execute(
        text("UPDATE gateway.keys SET disabled_at = now() WHERE agency = :id AND disabled_at IS NULL"), {"id": agency}
    )
    await connection.execute(
        text("UPDATE gateway.kafka_accounts SET enabled = false, revoked_at = now() WHERE agency = :id AND enabled"),
        {"id": agency},
    )
