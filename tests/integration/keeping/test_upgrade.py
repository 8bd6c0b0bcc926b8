"""An existing database of the first revision is brought up in place: nothing is lost, and the day goes on."""

from __future__ import annotations

import asyncio
import hashlib
import io
from collections.abc import Iterator, Mapping

import asyncpg
import pytest

from credithub.db import migrate
from credithub.db.engine import make_engine
from credithub.errors import ConfigurationError
from services.matcher.books import Books
from tests.harness.facts import debtor, registration, removal
from tests.harness.ground import ROOT, Database
from tests.integration.keeping.conftest import AGENCY, Town

FIRST = ("hub", "ingest", "matcher", "notifier", "gateway", "zz_grants")
# Whoever changes one of these changes databases that exist already: a new revision is what you want.
DIGEST = "3c12a737a7d1461965a887a05f34f216cc3c8d02015e37637077a24fc4c4ab06"
TABLES = """
    SELECT format('%I.%I', n.nspname, c.relname) AS name, n.nspname AS schema, c.relname AS table,
           array_agg(a.attname::text ORDER BY a.attnum) AS columns
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
     WHERE n.nspname IN ('gateway', 'hub', 'ingest', 'matcher', 'notifier') AND c.relkind IN ('r', 'p') AND NOT c.relispartition
     GROUP BY 1, 2, 3 ORDER BY 1
"""
SEQUENCES = (
    "SELECT format('%I.%I', schemaname, sequencename) AS name, last_value FROM pg_sequences WHERE last_value > 0"
)


@pytest.fixture
def first(database: Database) -> Iterator[Database]:
    """A database of the first revision."""
    name = f"{database.name}_first"
    admin = Database(infra=database.infra, name="postgres")
    asyncio.run(_run(admin, f"CREATE DATABASE {name} OWNER credithub_owner TEMPLATE template0"))
    made = Database(infra=database.infra, name=name)
    asyncio.run(migrate.upgrade(made.url("owner"), "0001"))
    yield made
    asyncio.run(_run(admin, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))


async def _run(database: Database, statement: str) -> None:
    connection = await _connect(database)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def _connect(database: Database) -> asyncpg.Connection[asyncpg.Record]:
    return await asyncpg.connect(database.infra.postgres.url("credithub_admin", database.name).replace("+asyncpg", ""))


async def age(young: Database, old: Database) -> dict[str, list[str]]:
    """Writes into the old database what the young one holds, as far as it had columns for it; gives those."""
    source, target = await _connect(young), await _connect(old)
    try:
        there = {row["name"]: row["columns"] for row in await source.fetch(TABLES)}
        await target.execute("SET session_replication_role = replica; DELETE FROM hub.epoch; DELETE FROM hub.clock")
        columns: dict[str, list[str]] = {}
        for row in await target.fetch(TABLES):
            columns[row["name"]] = mine = [name for name in row["columns"] if name in there[row["name"]]]
            assert mine == row["columns"], "no column of the first revision was ever taken away"
            content = io.BytesIO()
            query = f"SELECT {', '.join(map(_quoted, mine))} FROM {row['name']}"
            await source.copy_from_query(query, output=content, format="binary")
            content.seek(0)
            await target.copy_to_table(
                row["table"], schema_name=row["schema"], source=content, columns=mine, format="binary"
            )
        for row in await source.fetch(SEQUENCES):
            await target.execute("SELECT setval($1::text::regclass, $2)", row["name"], row["last_value"])
        return columns
    finally:
        await source.close()
        await target.close()


async def content(database: Database, columns: Mapping[str, list[str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for table, mine in columns.items():
        rows = await database.rows(f"SELECT ({', '.join(map(_quoted, mine))})::text AS row FROM {table} ORDER BY 1")
        found[table] = [str(row["row"]) for row in rows]
    return found


def _quoted(name: str) -> str:
    return f'"{name}"'


async def test_a_database_with_history_is_brought_up_in_place_and_loses_nothing(town: Town, first: Database) -> None:
    await town.day(registration("PDY900077"), debtor("执1"), debtor("执2"))
    await town.day(removal("执2"))
    await town.rows("UPDATE matcher.obligations SET mandatory = true, due_on = '2026-12-01' WHERE state <> 'lifting'")
    columns = await age(town.room.database, first)
    before = await content(first, columns)
    assert sum(map(len, before.values())) > 50
    done = await migrate.upgrade(first.url("owner"))
    assert (done.before, done.after) == ("0001", migrate.revisions()[0])
    assert await content(first, columns) == before
    assert (await migrate.upgrade(first.url("owner"))).before == done.after, "once is enough"
    await what_was_owed_before_falls_due(first)
    await the_day_goes_on(town, first)


async def what_was_owed_before_falls_due(first: Database) -> None:
    rows = await first.rows(
        "SELECT o.state = 'lifting' AS ended, m.kind, m.fires_on::text AS day, o.delivered_at IS NOT NULL AS delivered"
        " FROM matcher.obligations o LEFT JOIN matcher.moments m ON m.ref = o.obligation"
    )
    assert {row["kind"] for row in rows if row["ended"]} == {"remind"}
    assert {(row["kind"], row["day"]) for row in rows if not row["ended"]} == {("answer-due", "2026-12-02")}
    assert all(row["delivered"] for row in rows)


async def the_day_goes_on(town: Town, first: Database) -> None:
    """The record of the old days ends, and everybody who was told of it is told so."""
    await town.room.engine.dispose()
    await town.matcher.engine.dispose()
    town.room.database = first
    town.room.engine = make_engine(first.settings("notifier"), "notifier")
    town.matcher.engine = make_engine(first.settings("matcher"), "matcher")
    town.matcher.books = Books(town.matcher.engine, town.matcher.books.catalogues, town.matcher.books.agencies)
    assert town.desks[AGENCY].holds()
    await town.day(removal("执1"))
    assert not any(desk.holds() for desk in town.desks.values())
    await town.room.engine.dispose()
    await town.matcher.engine.dispose()


async def test_a_database_of_a_newer_program_is_refused_and_left_alone(database: Database) -> None:
    await _run(database, "UPDATE schema_version SET version_num = '9999'")
    with pytest.raises(ConfigurationError, match="9999"):
        await migrate.upgrade(database.url("owner"))
    assert [row["version_num"] for row in await database.rows("SELECT version_num FROM schema_version")] == ["9999"]


def test_the_first_revision_is_never_edited() -> None:
    folder = ROOT / "deploy" / "migrations" / "sql"
    whole = b"".join((folder / f"{name}.sql").read_bytes() for name in FIRST)
    assert hashlib.sha256(whole).hexdigest() == DIGEST
