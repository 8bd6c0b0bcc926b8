"""Understands an act of administration: one transaction in which it and its audit row both happen, or neither."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import orjson
from sqlalchemy.exc import IntegrityError

from credithub.db.engine import AsyncConnection, text
from credithub.db.values import as_json
from services.gateway.store.database import Database, Row


class Taken(Exception):
    """The id, version or source already belongs to someone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who does an act, and in which request."""

    key: str
    agency: str | None = None
    request: str | None = None


@asynccontextmanager
async def acting(database: Database) -> AsyncGenerator[AsyncConnection]:
    """A transaction in which a broken unique key means Taken."""
    try:
        async with database.writing() as connection:
            yield connection
    except IntegrityError as broken:
        raise Taken from broken


async def write_audit(connection: AsyncConnection, actor: Actor, action: str, target: str, detail: object) -> None:
    """The audit row of an act, in the act's own transaction."""
    await connection.execute(
        text(
            "INSERT INTO gateway.audit (actor, agency, action, target, detail, request)"
            " VALUES (:actor, :agency, :action, :target, CAST(:detail AS jsonb), :request)"
        ),
        {
            "actor": actor.key,
            "agency": actor.agency,
            "action": action,
            "target": target,
            "detail": orjson.dumps(detail).decode(),
            "request": actor.request,
        },
    )


async def read_audit(database: Database, *, before: int, limit: int, action: str | None) -> Sequence[Row]:
    """Newest first."""
    rows = await database.rows(
        "SELECT id, at, actor, agency, action, target, detail, request FROM gateway.audit"
        " WHERE id < :before AND (CAST(:action AS text) IS NULL OR action = :action) ORDER BY id DESC LIMIT :limit",
        before=before,
        limit=limit,
        action=action,
    )
    return [{**row, "detail": as_json(row["detail"])} for row in rows]
