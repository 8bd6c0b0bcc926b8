"""Understands how the embedded parts are doing, asked from outside: for `credithub doctor`."""

from __future__ import annotations

import asyncio
from pathlib import Path

import asyncpg
import psutil

from credithub.embedded.infra import Infra
from credithub.errors import Unavailable
from credithub.kafka.admin import KafkaAdmin

SECONDS = 5.0


def free_memory() -> int:
    """Bytes a new process may take without swapping."""
    return psutil.virtual_memory().available


def revision(data: Path, port: int) -> str:
    """The newest migration that was run. Unavailable when PostgreSQL does not answer its owner."""
    infra = Infra(data)
    infra.postgres.port = port
    try:
        return asyncio.run(_revision(infra.postgres.url("credithub_owner").replace("+asyncpg", "")))
    except (OSError, asyncpg.PostgresError) as problem:
        raise Unavailable(f"PostgreSQL: {problem}") from problem


def topics(data: Path, port: int) -> frozenset[str]:
    """The topics there are. Unavailable when Kafka does not answer its administrator."""
    return asyncio.run(KafkaAdmin(Infra(data).admin_settings(port)).topics())


async def _revision(url: str) -> str:
    connection = await asyncpg.connect(url, timeout=SECONDS)
    try:
        return str(await connection.fetchval("SELECT version_num FROM schema_version") or "")
    finally:
        await connection.close(timeout=SECONDS)
