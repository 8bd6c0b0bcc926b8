"""Understands API keys as they are stored: hashes with what they may do, never the keys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from credithub.db.engine import AsyncConnection, text
from services.gateway.store.acts import Actor, Taken, acting, write_audit
from services.gateway.store.database import Database, Row

COLUMNS = (
    "id, prefix, agency, label, roles, items, sources, created_at, created_by, expires_at, disabled_at, rotated_to"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """A key about to be stored. `hash` is keyed: whoever reads the table can neither use nor guess a key."""

    id: str
    prefix: str
    hash: str
    agency: str | None
    label: str
    roles: list[str]
    items: list[str]
    sources: list[str]
    expires_at: datetime | None


class Keys:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def live(self) -> Sequence[Row]:
        """What authentication holds in memory."""
        return await self._database.rows(
            "SELECT k.id, k.hash, k.agency, a.department, k.roles, k.items, k.sources, k.expires_at"
            " FROM gateway.keys k LEFT JOIN gateway.agencies a ON a.id = k.agency"
            " WHERE k.disabled_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())"
        )

    async def page(self, *, after: str, limit: int) -> Sequence[Row]:
        return await self._database.rows(
            f"SELECT {COLUMNS} FROM gateway.keys WHERE id > :after ORDER BY id LIMIT :limit", after=after, limit=limit
        )

    async def find(self, key: str) -> Row | None:
        return await self._database.row(f"SELECT {COLUMNS} FROM gateway.keys WHERE id = :id", id=key)

    async def any_operator(self) -> bool:
        found = await self._database.row(
            "SELECT 1 AS one FROM gateway.keys WHERE 'operator' = ANY (roles) AND disabled_at IS NULL"
            " AND (expires_at IS NULL OR expires_at > now()) LIMIT 1"
        )
        return found is not None

    async def add(self, key: NewKey, actor: Actor) -> None:
        """Raises Taken when one of its sources belongs to another agency."""
        async with acting(self._database) as connection:
            await insert_key(connection, key, actor)
            await write_audit(connection, actor, "key.added", key.id, _granted(key))

    async def rotate(self, old: str, new: NewKey, overlap: timedelta, actor: Actor) -> bool:
        """The new key is valid at once, the old one for `overlap` more. False: the old one is no longer live."""
        async with acting(self._database) as connection:
            await insert_key(connection, new, actor)
            rotated = await connection.execute(
                text(
                    "UPDATE gateway.keys SET rotated_to = :new, expires_at = LEAST(expires_at, now() + :overlap)"
                    " WHERE id = :old AND disabled_at IS NULL AND rotated_to IS NULL"
                    " AND (expires_at IS NULL OR expires_at > now()) RETURNING id"
                ),
                {"new": new.id, "old": old, "overlap": overlap},
            )
            if rotated.first() is None:
                await connection.rollback()
                return False
            detail = {"to": new.id, "overlap_seconds": int(overlap.total_seconds())}
            await write_audit(connection, actor, "key.rotated", old, detail)
            return True

    async def disable(self, key: str, actor: Actor) -> bool:
        """False: no such key, or already disabled."""
        async with acting(self._database) as connection:
            disabled = await connection.execute(
                text("UPDATE gateway.keys SET disabled_at = now() WHERE id = :id AND disabled_at IS NULL RETURNING id"),
                {"id": key},
            )
            if disabled.first() is None:
                return False
            await write_audit(connection, actor, "key.disabled", key, {})
            return True


async def insert_key(connection: AsyncConnection, key: NewKey, actor: Actor) -> None:
    """Within an act. Its sources become its agency's for good; raises Taken when they are another's."""
    if key.sources:
        await _claim(connection, key.agency, key.sources)
    await connection.execute(
        text(
            "INSERT INTO gateway.keys (id, prefix, hash, agency, label, roles, items, sources, created_by, expires_at)"
            " VALUES (:id, :prefix, :hash, :agency, :label, CAST(:roles AS text[]), CAST(:items AS text[]),"
            " CAST(:sources AS text[]), :created_by, :expires_at)"
        ),
        asdict(key) | {"created_by": actor.key},
    )


async def _claim(connection: AsyncConnection, agency: str | None, sources: list[str]) -> None:
    values = {"agency": agency, "sources": sorted(sources)}
    await connection.execute(
        text(
            "INSERT INTO gateway.sources (source, agency) SELECT s, :agency FROM unnest(CAST(:sources AS text[])) s"
            " ON CONFLICT (source) DO NOTHING"
        ),
        values,
    )
    foreign = await connection.execute(
        text("SELECT 1 FROM gateway.sources WHERE source = ANY (CAST(:sources AS text[])) AND agency <> :agency"),
        values,
    )
    if foreign.first() is not None:
        raise Taken


def _granted(key: NewKey) -> dict[str, object]:
    return {"agency": key.agency, "roles": key.roles, "items": key.items, "sources": key.sources}
