"""What retention removes: what is settled and old, and never what a proof needs."""

from __future__ import annotations

import json

from credithub.db.engine import make_engine
from credithub.db.retention import SETTLED, Retention, shipped
from tests.harness.facts import debtor, registration, removal
from tests.harness.ground import Database
from tests.integration.keeping.conftest import AGENCY, OTHER, Town

ORG = "PDY900077"
LONG_AGO = "now() - interval '4000 days'"


async def retain(database: Database, schema: str) -> int:
    engine = make_engine(database.settings(schema), schema)
    try:
        return await Retention.of(engine, schema).run_once()
    finally:
        await engine.dispose()


async def messages(town: Town, table: str = "deliveries") -> set[str]:
    return {str(row["message"]) for row in await town.rows(f"SELECT message FROM notifier.{table}")}


async def test_only_published_messages_go_and_only_old_ones(town: Town) -> None:
    await town.matcher.take(registration(ORG), debtor("执1"))
    everything = await town.matcher.count("SELECT count(*) FROM matcher.outbox")
    await town.rows(f"UPDATE matcher.outbox SET written_at = {LONG_AGO}")
    assert await retain(town.room.database, "matcher") == 0, "nothing is published"
    await town.relay()
    await town.matcher.take(debtor("执2"))
    await town.relay()
    assert await retain(town.room.database, "matcher") == everything
    assert await town.matcher.count("SELECT count(*) FROM matcher.outbox") == everything


async def test_of_an_obligation_the_newest_version_stays_until_its_lift_is_confirmed(town: Town) -> None:
    await town.day(registration(ORG), debtor("执1"))
    first = await messages(town)
    await town.day(removal("执1"))
    lifts = await messages(town) - first
    confirmed = min([one for one in lifts if await _agency_of(town, one) == AGENCY])
    await town.rows(
        "UPDATE matcher.obligations SET state = 'lifted' WHERE obligation = $1", confirmed.partition(".")[0]
    )
    await town.rows(f"UPDATE notifier.deliveries SET made_at = {LONG_AGO}")
    due = await town.rows(
        "SELECT message FROM notifier.deliveries WHERE state IN ('due', 'in-flight') AND agency = $1", OTHER
    )
    assert due, "the pull channel has not been read"
    await town.rows("UPDATE notifier.deliveries SET state = 'delivered' WHERE channel = 'pull' AND agency = $1", AGENCY)
    await retain(town.room.database, "notifier")
    left = await messages(town)
    assert {str(row["message"]) for row in due} <= left, "an open delivery"
    assert confirmed not in left
    assert lifts - {confirmed} <= left, "not yet confirmed"
    assert not {one for one in first & left if await _agency_of(town, one) == AGENCY}, "overtaken"
    assert await messages(town, "attempts") <= left
    assert await messages(town, "outcomes") <= left
    assert await messages(town, "notifications") == first | lifts, "the ledger's numbers have no gap"


async def _agency_of(town: Town, message: str) -> str:
    rows = await town.rows("SELECT agency FROM notifier.notifications WHERE message = $1", message)
    return str(rows[0]["agency"])


async def test_an_obligation_in_force_keeps_the_proof_of_what_its_agency_was_told(town: Town) -> None:
    await town.day(registration(ORG), debtor("执1"))
    before = await messages(town), await messages(town, "attempts")
    await town.rows(f"UPDATE notifier.deliveries SET made_at = {LONG_AGO}, state = 'delivered'")
    assert await retain(town.room.database, "notifier") == 0
    assert (await messages(town), await messages(town, "attempts")) == before


async def test_repeats_and_refused_answers_go_and_what_proves_a_refusal_stays(town: Town) -> None:
    for table, key, outcomes in (
        ("repeats_seen", "submission", ("duplicate", "refused")),
        ("feedback", "id", ("accepted", "refused", "waiting")),
    ):
        for outcome in outcomes:
            await town.rows(_row(table, outcome))
        await retain(town.room.database, "matcher")
        assert len(await town.rows(f"SELECT {key} FROM matcher.{table}")) == len(outcomes) - 1
    assert [row["outcome"] for row in await town.rows("SELECT outcome FROM matcher.repeats_seen")] == ["refused"]


def _row(table: str, outcome: str) -> str:
    if table == "repeats_seen":
        return (
            "INSERT INTO matcher.repeats_seen (submission, index, source, id, supplier, item, outcome, received_at,"
            f" decided_at) VALUES ('sub_{outcome}', 0, 's', 'i', 'x', 'licence', '{outcome}', now(), {LONG_AGO})"
        )
    return (
        "INSERT INTO matcher.feedback (id, obligation, agency, epoch, version, answer, via, received_at, outcome,"
        f" decided_at) VALUES ('{outcome}', 'o', 'a', 1, 1, 'executed', 'http', now(), '{outcome}', {LONG_AGO})"
    )


async def test_of_quarantine_the_body_goes_and_the_reasons_stay(database: Database) -> None:
    for name, when in (("old", LONG_AGO), ("new", "now()")):
        await database.rows(
            "INSERT INTO ingest.quarantine (submission, index, source, id, digest, supplier, form, received_at,"
            f" quarantined_at, reasons, body) VALUES ('{name}', 0, 's', 'i', 'd', 'x', 'event', now(), {when},"
            ' \'[{"code": "field-missing"}]\', \'{"a": 1}\')'
        )
    assert await retain(database, "ingest") == 1
    rows = await database.rows("SELECT submission, body, reasons FROM ingest.quarantine ORDER BY 1")
    assert [(row["submission"], row["body"] is None) for row in rows] == [("new", False), ("old", True)]
    assert all("field-missing" in str(row["reasons"]) for row in rows)
    assert await retain(database, "ingest") == 0


async def test_while_a_restore_is_caught_up_with_nothing_is_removed(town: Town) -> None:
    await town.day(registration(ORG), debtor("执1"))
    await town.rows(f"UPDATE matcher.outbox SET written_at = {LONG_AGO}")
    await town.rows(
        "INSERT INTO hub.restores (epoch, from_dump, dumped_at, same_kafka) VALUES (2, 'x', now(), true) RETURNING epoch"
    )
    assert await retain(town.room.database, "matcher") == 0
    await town.rows("UPDATE hub.restores SET caught_up_at = now()")
    assert await retain(town.room.database, "matcher") > 0


async def test_every_table_has_a_term_or_a_reason_to_stay(database: Database) -> None:
    rows = json.loads(shipped().read_text(encoding="utf-8"))["datasets"]
    named = {table for row in rows for table in row["tables"]}
    tables = await database.rows(
        "SELECT format('%s.%s', n.nspname, c.relname) AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.nspname IN ('gateway', 'hub', 'ingest', 'matcher', 'notifier') AND c.relkind IN ('r', 'p')"
    )
    names = {str(row["name"]) for row in tables}
    assert {name for name in names if name not in named and f"{name.partition('.')[0]}.*" not in named} == set()
    assert {table for table in named if not table.endswith("*")} <= names
    assert named >= SETTLED.keys()


async def test_a_service_may_remove_nothing_that_stays(database: Database) -> None:
    kept = {
        "ingest": ("parked", "submissions", "quarantine", "positions"),
        "matcher": ("records", "record_versions", "record_changes", "obligations", "positions"),
        "notifier": ("notifications", "tasks", "counters", "positions"),
        "gateway": ("audit", "keys", "agencies", "catalogues"),
    }
    for schema, tables in kept.items():
        for table in tables:
            may = f"SELECT has_table_privilege('credithub_{schema}', '{schema}.{table}', 'DELETE') AS may"
            assert not (await database.rows(may))[0]["may"], table
