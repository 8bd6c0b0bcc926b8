"""Understands how to reach PostgreSQL: one pool a process, every wait bounded."""

from __future__ import annotations

import ssl
from collections.abc import Mapping

from sqlalchemy import TextClause, text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from credithub.settings import Settings

POOL_SECONDS = 10  # to wait for a free connection; asyncpg alone would wait for ever
COMMAND_SECONDS = 60  # for one statement
LOCK_MS = 20_000
IDLE_MS = 60_000  # an idle transaction holds locks that everyone waits for

Row = Mapping[str, object]

__all__ = ["AsyncConnection", "AsyncEngine", "Row", "TextClause", "away", "make_engine", "text"]


def make_engine(settings: Settings, service: str, *, pool: int | None = None) -> AsyncEngine:
    """A pool for one process. The role is in the URL; `service` is how the database sees us."""
    connect: dict[str, object] = {
        "timeout": POOL_SECONDS,
        "command_timeout": COMMAND_SECONDS,
        "server_settings": {
            "application_name": f"credithub-{service}",
            "lock_timeout": str(LOCK_MS),
            "idle_in_transaction_session_timeout": str(IDLE_MS),
            "statement_timeout": str(COMMAND_SECONDS * 1000),
            "search_path": "pg_catalog",
            "jit": "off",
        },
    }
    if settings.database_ca:
        connect["ssl"] = ssl.create_default_context(cafile=settings.database_ca)
    return create_async_engine(
        settings.database_url,
        pool_size=pool or settings.database_pool,
        max_overflow=0,
        pool_timeout=POOL_SECONDS,
        pool_pre_ping=False,
        connect_args=connect,
    )


def away(problem: BaseException) -> bool:
    """Whether this says that PostgreSQL cannot be reached or took the transaction back; what we sent is unknown."""
    if isinstance(problem, (OSError, TimeoutError, PoolTimeout, InterfaceError, OperationalError)):
        return True
    return isinstance(problem, DBAPIError) and (problem.connection_invalidated or _transient(problem))


def _transient(problem: DBAPIError) -> bool:
    state = str(getattr(problem.orig, "sqlstate", None) or getattr(problem.orig, "pgcode", None) or "")
    # 08 connection, 40 rolled back (deadlock, serialisation), 53 resources, 55 lock not available, 57 shut down
    return state[:2] in {"08", "40", "53", "55", "57"}
