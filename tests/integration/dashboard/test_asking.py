"""Understands what the operators' page reads from a real PostgreSQL, with the gateway's own rights."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import asyncpg
import pytest

from credithub.clock import now
from credithub.db.engine import make_engine
from credithub.errors import Unavailable
from services.gateway.dashboard import Board
from services.gateway.dashboard.ask import STATEMENT, ask
from services.gateway.dashboard.figures import Counted, Part, Stored, minute_of
from services.gateway.dashboard.probe import kafka
from services.gateway.store.database import Database as Gateway
from tests.harness.ground import Database
from tests.integration.dashboard.day import a_day


@pytest.fixture
async def gateway(database: Database) -> AsyncIterator[Gateway]:
    opened = Gateway(make_engine(database.settings("gateway"), "gateway"))
    yield opened
    await opened.close()


SLEEPING = "SELECT pg_catalog.pg_sleep(30)::text, CAST(:since AS timestamptz)"


def half_an_hour() -> datetime:
    return now().replace(second=0, microsecond=0) - timedelta(minutes=29)


def total(stored: Stored, stage: str) -> int:
    return sum(stored.flow.get(stage, {}).values())


async def test_an_empty_database_gives_zeros_and_not_an_error(gateway: Gateway) -> None:
    stored = await ask(gateway, half_an_hour())
    assert stored.catalogue is None
    assert stored.flow == {}
    assert (stored.waiting.number, stored.quarantine.number, stored.holding.number, stored.agencies) == (0, 0, 0, 0)
    assert stored.unacknowledged is None


async def test_every_stage_is_counted_in_the_minute_in_which_it_happened(database: Database, gateway: Gateway) -> None:
    await a_day(database)
    stored = await ask(gateway, half_an_hour())
    counted = {stage: total(stored, stage) for stage in stored.flow}
    assert counted == {
        "received": 25, "ingested": 20, "archived": 15, "quarantined": 3, "notified": 6, "delivered": 4, "answered": 2
    }  # fmt: skip
    five_minutes_ago = minute_of(stored.at) - 5
    assert stored.flow["archived"].keys() <= {five_minutes_ago, five_minutes_ago + 1}


async def test_what_stands_still_is_counted_whatever_its_age(database: Database, gateway: Gateway) -> None:
    await a_day(database)
    stored = await ask(gateway, half_an_hour())
    assert (stored.waiting.subject, stored.waiting.record) == (1, 1)
    assert stored.waiting.oldest is not None
    assert stored.catalogue is not None
    assert stored.catalogue.illustrative
    assert stored.agencies == 2
    assert {each.name: each.number for each in stored.obligations} == {
        "triggered": 1, "delivered": 2, "executed": 2, "lifting": 2, "unrouted": 1
    }  # fmt: skip
    assert stored.suspended == 1
    assert stored.unpublished.number == 1
    assert stored.drift == 1


async def test_an_archived_entry_no_longer_counts_as_quarantined(database: Database, gateway: Gateway) -> None:
    await a_day(database)
    stored = await ask(gateway, half_an_hour())
    assert stored.quarantine.number == 3  # four rows, of which one was mended and archived; one refused by the archive
    assert stored.quarantine.reasons[0] == Counted(name="CHARSET", number=2)
    assert Counted(name="conflict", number=1) in stored.quarantine.reasons


async def test_the_oldest_unacknowledged_and_those_still_holding_are_named(
    database: Database, gateway: Gateway
) -> None:
    await a_day(database)
    stored = await ask(gateway, half_an_hour())
    assert stored.unacknowledged is not None
    assert stored.unacknowledged.obligation == "obl_oldest"
    assert stored.unacknowledged.agency.name_zh == "自然资源局（演示）"
    assert stored.unacknowledged.delivered
    assert [(holder.agency.id, holder.number) for holder in stored.holding.holders] == [("mnr-130822", 2)]


async def test_deliveries_that_trouble_are_grouped_by_agency_and_settled_ones_left_out(
    database: Database, gateway: Gateway
) -> None:
    await a_day(database)
    stored = await ask(gateway, half_an_hour())
    assert {(each.channel, each.state): each.number for each in stored.unsettled} == {
        ("kafka", "failed"): 1, ("pull", "due"): 1
    }  # fmt: skip
    assert [(t.agency.id, t.number, t.error) for t in stored.troubles] == [("samr-130822", 1, "TimeoutError")]


async def test_the_flow_is_read_by_indexes_on_the_times(database: Database) -> None:
    connection = await asyncpg.connect(database.url("gateway").replace("+asyncpg", ""))
    try:
        await connection.execute("SET enable_seqscan = off")
        sql = STATEMENT.replace("CAST(:since AS timestamptz)", "(now() - interval '30 minutes')")
        plan = "\n".join(row[0] for row in await connection.fetch("EXPLAIN (COSTS OFF) " + sql))
    finally:
        await connection.close()
    for index in ("submissions_lately", "repeats_seen_lately", "feedback_lately"):
        assert index in plan
    for table, column in (("entries", "decided_at"), ("notifications", "received_at"), ("deliveries", "delivered_at")):
        assert f"{table}_0_{column}_idx" in plan


async def test_a_database_that_is_away_is_down_and_the_page_goes_on(database: Database) -> None:
    away = database.settings("gateway", database_url="postgresql+asyncpg://credithub_gateway:x@127.0.0.1:1/none")
    gateway = Gateway(make_engine(away, "gateway"))
    with pytest.raises(Unavailable):
        await ask(gateway, half_an_hour())
    figures = await Board(database=gateway, settings=away, health=lambda: {"ready": True}).figures()
    assert figures.part("postgresql").state == "down"
    assert figures.part("kafka").state == "up"
    assert figures.stored is None
    await gateway.close()


async def test_a_statement_that_takes_too_long_means_slow_and_not_down(
    database: Database, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.gateway.dashboard.ask.STATEMENT", SLEEPING)
    monkeypatch.setattr("services.gateway.dashboard.ask.BOUNDS", "SELECT set_config('statement_timeout', '50', true)")
    figures = await Board(database=gateway, settings=database.settings("gateway"), health=dict).figures()
    assert figures.part("postgresql").state == "slow"


async def test_kafka_is_asked_in_its_own_protocol(database: Database) -> None:
    settings = database.settings("gateway")
    assert (await kafka(settings)).state == "up"
    postgres_port = database.url("gateway").rsplit(":", 1)[1].split("/")[0]
    for address in (f"127.0.0.1:{postgres_port}", "127.0.0.1:1", "nonsense"):
        assert (await kafka(database.settings("gateway", kafka_bootstrap=address))).state == "down", address
    both = database.settings("gateway", kafka_bootstrap=f"127.0.0.1:1,{settings.kafka_bootstrap}")
    assert (await kafka(both)).state == "up"


async def test_many_viewers_cost_one_look(database: Database) -> None:
    looks = 0

    async def read(_database: Gateway, _since: datetime) -> Stored:
        nonlocal looks
        looks += 1
        raise Unavailable("PostgreSQL: away")

    async def probe(_settings: object) -> Part:
        return Part(name="kafka", state="up")

    board = Board(database=None, settings=database.settings("gateway"), health=dict, read=read, probe=probe)  # type: ignore[arg-type]
    await asyncio.gather(*(board.figures() for _ in range(50)))
    assert looks == 1


async def test_earlier_minutes_are_kept_from_the_whole_read_while_recent_ones_are_read_anew(
    database: Database, gateway: Gateway
) -> None:
    await a_day(database)
    board = Board(database=gateway, settings=database.settings("gateway"), health=dict)
    first = await board.figures()
    await database.rows("DELETE FROM matcher.entries")
    board._fresh_until = 0.0
    second = await board.figures()
    assert first.stage("archived").total == second.stage("archived").total == 15
