"""Understands a transaction of the notifier: all of it or nothing, and Unavailable when nobody knows which."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager

from sqlalchemy.exc import SQLAlchemyError

from credithub.db.engine import AsyncConnection, AsyncEngine, away, text
from credithub.errors import Unavailable
from services.notifier.rules import Key, Task


@asynccontextmanager
async def transaction(engine: AsyncEngine) -> AsyncGenerator[AsyncConnection]:
    """Commits at the end of the block. After Unavailable what was written is unknown: do it again, it is keyed."""
    try:
        async with engine.begin() as conn:
            yield conn
    except (SQLAlchemyError, OSError, TimeoutError) as problem:
        if away(problem):
            raise Unavailable(f"PostgreSQL: {problem}") from problem
        raise


async def lock_tasks(conn: AsyncConnection, keys: Iterable[Key], *, wait: bool = True) -> dict[Key, Task]:
    """Locks the (agency, obligation) rows that exist, in key order; without `wait` only those that are free."""
    wanted = sorted(set(keys))
    if not wanted:
        return {}
    rows = await conn.execute(
        text(
            "SELECT t.agency, t.obligation, t.seen_epoch, t.seen_version, t.begun, t.cancelled, t.old,"
            " t.above_epoch, t.above_version"
            " FROM unnest(CAST(:agencies AS text[]), CAST(:obligations AS text[])) AS x(agency, obligation)"
            " JOIN notifier.tasks AS t ON t.agency = x.agency AND t.obligation = x.obligation"
            f" ORDER BY t.agency, t.obligation FOR UPDATE OF t{'' if wait else ' SKIP LOCKED'}"
        ),
        {"agencies": [key[0] for key in wanted], "obligations": [key[1] for key in wanted]},
    )
    return {
        (row.agency, row.obligation): Task(
            seen=(row.seen_epoch, row.seen_version),
            begun=frozenset(row.begun),
            cancelled=row.cancelled,
            old=row.old,
            above=(row.above_epoch, row.above_version),
        )
        for row in rows
    }
