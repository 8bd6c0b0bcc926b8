"""Understands the hub's database as its owner sees it, for keeping: who is in it, and of which moment it is."""

from __future__ import annotations

import ssl
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeAlias

import asyncpg

from credithub.embedded.archive import Position
from credithub.embedded.pgtools import Place
from credithub.errors import Unavailable

SECONDS = 10
Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
POSITIONS = " UNION ALL ".join(
    f"SELECT '{service}' AS service, grp, cluster, topic, topic_id, partition, position FROM {service}.positions"
    for service in ("ingest", "matcher", "notifier")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the database says of its own moment."""

    epoch: int
    clock_ahead_seconds: float
    revision: str
    catalogues: tuple[str, ...]
    positions: tuple[Position, ...]
    snapshot: str  # name under which others see the same moment while the connection is open


@asynccontextmanager
async def connected(place: Place) -> AsyncGenerator[Connection]:
    """Raises Unavailable while the server cannot be reached."""
    try:
        connection = await asyncpg.connect(
            host=place.host,
            port=place.port,
            user=place.user,
            password=place.password,
            database=place.database,
            ssl=ssl.create_default_context(cafile=place.ca) if place.ca else None,
            timeout=SECONDS,
            server_settings={"application_name": "keeping"},
        )
    except (OSError, TimeoutError, asyncpg.PostgresConnectionError) as problem:
        raise Unavailable(f"PostgreSQL: {problem}") from problem
    try:
        yield connection
    finally:
        await connection.close(timeout=SECONDS)


@asynccontextmanager
async def moment(connection: Connection) -> AsyncGenerator[Facts]:
    """Holds one moment of the database as long as the block runs, and says which it is."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        head = await connection.fetchrow(
            "SELECT e.epoch, extract(epoch FROM c.ahead)::float8 AS ahead, v.version_num AS revision,"
            " pg_export_snapshot() AS snapshot FROM hub.epoch e, hub.clock c, public.schema_version v"
        )
        assert head, "hub.epoch, hub.clock and schema_version have one row each"
        catalogues = await connection.fetch("SELECT version FROM gateway.catalogues ORDER BY effective_from, version")
        positions = await connection.fetch(f"{POSITIONS} ORDER BY 1, 2, 4, 6")
        yield Facts(
            epoch=head["epoch"],
            clock_ahead_seconds=head["ahead"],
            revision=head["revision"],
            catalogues=tuple(row["version"] for row in catalogues),
            positions=tuple(Position(**dict(row)) for row in positions),
            snapshot=head["snapshot"],
        )


async def server_version(connection: Connection) -> int:
    """The major version."""
    return int(await connection.fetchval("SHOW server_version_num")) // 10_000


async def epoch_now(connection: Connection) -> int:
    """0 where there is no hub in this database yet."""
    there = await connection.fetchval("SELECT to_regclass('hub.epoch') IS NOT NULL")
    return int(await connection.fetchval("SELECT max(epoch) FROM hub.epoch") or 0) if there else 0


async def who_is_in(connection: Connection) -> Sequence[str]:
    """The services that are connected, in whichever host they run."""
    rows = await connection.fetch(
        "SELECT DISTINCT application_name FROM pg_stat_activity"
        " WHERE datname = current_database() AND application_name LIKE 'credithub-%' ORDER BY 1"
    )
    return [row["application_name"] for row in rows]


async def ours(connection: Connection) -> Sequence[str]:
    """The schemas that a restore replaces."""
    rows = await connection.fetch(
        "SELECT nspname FROM pg_namespace WHERE nspname = ANY($1::text[]) ORDER BY 1",
        ["gateway", "hub", "ingest", "matcher", "notifier"],
    )
    return [row["nspname"] for row in rows]
