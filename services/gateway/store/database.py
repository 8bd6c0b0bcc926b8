"""Understands how the gateway asks PostgreSQL: bounded, and away means away."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

from sqlalchemy import CursorResult
from sqlalchemy.exc import SQLAlchemyError

from credithub.db.engine import AsyncConnection, AsyncEngine, away, text
from credithub.db.values import as_json
from credithub.errors import Unavailable

Row: TypeAlias = Mapping[str, Any]

# Columns that are jsonb in every view that has them; the driver hands them over as text.
JSON_COLUMNS = frozenset(
    {"body", "citation", "clause", "content", "data", "document", "end_reason", "identifiers", "lift_reason", "notes",
     "payload", "reasons", "why"}
)  # fmt: skip


class Database:
    """One pool. Everything that says that PostgreSQL is away leaves here as Unavailable."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    @asynccontextmanager
    async def writing(self) -> AsyncGenerator[AsyncConnection]:
        """One transaction. Unavailable also when the commit's outcome is unknown (interleavings 22)."""
        with _translating():
            async with self._engine.begin() as connection:
                yield connection

    @asynccontextmanager
    async def snapshot(self) -> AsyncGenerator[AsyncConnection]:
        """Several reads of one moment."""
        with _translating():
            async with self._engine.connect() as connection:
                yield await connection.execution_options(isolation_level="REPEATABLE READ")

    async def rows(self, sql: str, **values: object) -> Sequence[Row]:
        """What one query finds."""
        with _translating():
            async with self._engine.connect() as connection:
                return _read(await connection.execute(text(sql), values))

    async def called(self, sql: str, **values: object) -> Sequence[Row]:
        """What a function answers that also writes; committed before it is used (interleavings 30)."""
        with _translating():
            async with self._engine.begin() as connection:
                return _read(await connection.execute(text(sql), values))

    async def row(self, sql: str, **values: object) -> Row | None:
        found = await self.rows(sql, **values)
        return found[0] if found else None

    async def answers(self) -> bool:
        """Whether PostgreSQL answers now."""
        try:
            await self.rows("SELECT 1 AS one")
        except Unavailable:
            return False
        return True

    async def close(self) -> None:
        await self._engine.dispose()


def _read(result: CursorResult[Any]) -> Sequence[Row]:
    rows: list[dict[str, Any]] = [{str(name): value for name, value in row.items()} for row in result.mappings()]
    for name in JSON_COLUMNS.intersection(result.keys()):
        for row in rows:
            row[name] = as_json(row[name])
    return rows


class _translating:  # noqa: N801  a context manager reads as a verb
    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, problem: BaseException | None, trace: object) -> None:
        if isinstance(problem, (SQLAlchemyError, OSError, TimeoutError)) and away(problem):
            raise Unavailable(f"PostgreSQL: {type(problem).__name__}") from problem
