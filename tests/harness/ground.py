"""Understands the real Kafka and PostgreSQL that tests stand on: started once, with a clean database for each test."""

from __future__ import annotations

import asyncio
import itertools
import os
import shutil
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg

from credithub.db.migrate import upgrade
from credithub.embedded.infra import Infra
from credithub.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
RUNNING = "CREDITHUB_TEST_INFRA"  # a folder of `python -m credithub.embedded.devinfra up`, to save its start


@contextmanager
def ground() -> Generator[Infra]:
    """Kafka and PostgreSQL with their users and roles; what it started it stops, and removes its folder."""
    named = os.environ.get(RUNNING)
    if named:
        infra = Infra(Path(named), wide_rights=True)
        if not infra.attach():
            raise AssertionError(f"{RUNNING}={named}: nothing runs there")
        asyncio.run(_hurry(infra))
        yield infra
        return
    folder = ROOT / ".credithub" / "tests" / str(os.getpid())
    infra = Infra(folder, wide_rights=True)
    try:
        infra.up()
        asyncio.run(_hurry(infra))
        yield infra
    finally:
        infra.down()
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """One test's own database, migrated."""

    infra: Infra
    name: str

    def url(self, role: str) -> str:
        """For SQLAlchemy; `role` with or without `credithub_`."""
        full = role if role.startswith("credithub_") else f"credithub_{role}"
        return self.infra.postgres.url(full, self.name)

    def settings(self, service: str, **changed: object) -> Settings:
        """What a service is told so that it works on this database and the tests' broker."""
        values: dict[str, object] = {
            "database_url": self.url(service),
            "database_pool": 4,
            "kafka_bootstrap": self.infra.kafka.bootstrap,
            "kafka_agency_bootstrap": self.infra.kafka.agency_bootstrap,
            "kafka_user": f"credithub-{service}",
            "kafka_password": self.infra.passwords[f"credithub-{service}"],
        }
        return Settings(**{**values, **changed})  # type: ignore[arg-type]

    async def rows(self, sql: str, *values: object) -> list[Mapping[str, object]]:
        """What a superuser sees: for assertions, never for the code under test."""
        connection = await asyncpg.connect(_admin(self.infra, self.name))
        try:
            return [dict(row) for row in await connection.fetch(sql, *values)]
        finally:
            await connection.close()


SEEDS = """
    SELECT format('%I.%I', n.nspname, c.relname) AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = ANY ($1) AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY 1
"""
SEQUENCES = """
    SELECT format('%I.%I', schemaname, sequencename) AS name FROM pg_sequences WHERE schemaname = ANY ($1) ORDER BY 1
"""
OTHERS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
SCHEMAS = ["hub", "gateway", "ingest", "matcher", "notifier"]


@dataclass(slots=True, kw_only=True)
class Databases:
    """Copies of one migrated template. A copy costs a second, to empty one a few milliseconds: they are used again."""

    infra: Infra
    _template: str = ""
    _numbers: itertools.count[int] = field(default_factory=itertools.count)
    _free: list[str] = field(default_factory=list[str])
    _empty: str = ""  # what makes a copy as it was when it was made

    def fresh(self) -> Database:
        if self._free:
            return Database(infra=self.infra, name=self._free.pop())
        name = f"test_{os.getpid()}_{next(self._numbers)}"
        asyncio.run(self._run(f"CREATE DATABASE {name} OWNER credithub_owner TEMPLATE {self.template()}"))
        return Database(infra=self.infra, name=name)

    def back(self, name: str) -> None:
        """A test is done with it; whatever it left open is cut off."""
        asyncio.run(self._run(self._empty, name))
        self._free.append(name)

    def drop(self, name: str) -> None:
        asyncio.run(self._run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))

    def template(self) -> str:
        if not self._template:
            self._template = f"template_{os.getpid()}"
            self.drop(self._template)
            asyncio.run(self._run(f"CREATE DATABASE {self._template} OWNER credithub_owner TEMPLATE template0"))
            asyncio.run(upgrade(self.infra.postgres.url("credithub_owner", self._template)))
            self._empty = asyncio.run(self._emptying())
        return self._template

    def close(self) -> None:
        for name in [*self._free, self._template]:
            if name:
                self.drop(name)

    async def _emptying(self) -> str:
        """All rows go, but those that a migration wrote come again; sequences begin anew."""
        connection = await asyncpg.connect(_admin(self.infra, self._template))
        try:
            tables = [str(row["name"]) for row in await connection.fetch(SEEDS, SCHEMAS)]
            seeds = {table: await connection.fetchval(f"SELECT json_agg(t)::text FROM {table} t") for table in tables}
            sequences = [str(row["name"]) for row in await connection.fetch(SEQUENCES, SCHEMAS)]
        finally:
            await connection.close()
        steps = [OTHERS, "SET session_replication_role = replica", *(f"DELETE FROM {table}" for table in tables)]
        steps += [
            f"INSERT INTO {table} SELECT * FROM json_populate_recordset(NULL::{table}, $seed${rows}$seed$)"
            for table, rows in seeds.items()
            if rows
        ]
        steps += [f"ALTER SEQUENCE {sequence} RESTART" for sequence in sequences]
        return ";\n".join(steps)

    async def _run(self, statement: str, database: str = "postgres") -> None:
        connection = await asyncpg.connect(_admin(self.infra, database))
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


async def _hurry(infra: Infra) -> None:
    """A test's database outlives no power cut: each `DROP DATABASE` would wait seconds for the disk."""
    connection = await asyncpg.connect(_admin(infra, "postgres"))
    try:
        for setting in ("fsync", "full_page_writes"):
            await connection.execute(f"ALTER SYSTEM SET {setting} = off")
        await connection.execute("SELECT pg_reload_conf()")
    finally:
        await connection.close()


def _admin(infra: Infra, database: str) -> str:
    return infra.postgres.url("credithub_admin", database).replace("+asyncpg", "")
