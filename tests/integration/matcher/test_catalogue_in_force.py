"""Understands a version that comes into force: what was foretold of it is exactly what it does, once, whoever dies."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from credithub import clock
from services.matcher.on_catalogue import OnCatalogue
from tests.harness.facts import debtor, registration
from tests.integration.gateway.conftest import hub  # noqa: F401
from tests.integration.matcher.turning import NEW, OLD, TRIAL, in_days, newer, older, row_of, turning  # noqa: F401
from tests.unit.catalogue.shelf import row

if TYPE_CHECKING:
    from tests.integration.matcher.turning import Row, Turning

DAYS = 20
ORG = "PDY900077"


def ahead(days: int = DAYS) -> None:
    clock.set_ahead(timedelta(days=days))


async def ended_by(turning: Turning) -> set[Row]:  # noqa: F811
    rows = await turning.matcher.rows(
        "SELECT record, measure, department, agency FROM matcher.obligations WHERE lift_reason ->> 'code' = 'basis-ended'"
    )
    return {row_of(r) for r in rows}


@pytest.mark.requirement("R023", "R100", "R256")
@pytest.mark.parametrize("reaches", ["new", "active"])
@pytest.mark.parametrize("seed", [7, 11])
async def test_the_preview_is_exactly_what_really_happens(turning: Turning, reaches: str, seed: int) -> None:  # noqa: F811
    await turning.archive(seed)
    before = await turning.standing()
    await turning.load(newer(in_days(DAYS), reaches))
    assert await turning.sweep() == 0
    ends, makes, told = await turning.foretold(NEW)
    assert ends
    assert makes
    assert told["makes"]["hypothetical"] is (reaches == "new")
    assert {pair["because"] for pair in told["ends"]["pairs"]} == {"document-ended", "not-executable"}
    ahead()
    await turning.sweep()
    after = await turning.standing()
    gone, come = ({row for row, _ in some} for some in (before - after, after - before))
    assert gone == ends
    assert come == (makes if reaches == "active" else set())
    assert {catalogue for _, catalogue in after - before} <= {NEW}
    assert await ended_by(turning) == {row for row in ends if row[3]}
    assert await turning.sweep() == 0
    assert await turning.standing() == after


async def test_what_it_begins_for_a_record_in_doubt_is_born_suspended_and_the_round_is_the_next(
    turning: Turning,  # noqa: F811
) -> None:
    await turning.archive(7)
    await turning.load(newer(in_days(DAYS), "active"))
    ahead()
    await turning.sweep()
    rows = await turning.matcher.rows(
        "SELECT o.suspended, r.disputed, o.round, o.measure FROM matcher.obligations o"
        f" JOIN matcher.records r USING (organisation_code, record) WHERE o.catalogue = '{NEW}'"
    )
    assert {bool(r["disputed"]) for r in rows} == {True, False}
    assert all(r["suspended"] == r["disputed"] for r in rows)
    assert {r["round"] for r in rows if r["measure"] == "P64-06"} == {2}  # it rested on the document on trial before
    assert {r["round"] for r in rows if r["measure"] == "P64-27"} == {1}


@pytest.mark.requirement("R101")
async def test_every_agency_is_told_why_on_the_lane_of_ends(turning: Turning) -> None:  # noqa: F811
    await turning.matcher.take(registration(ORG))
    await turning.matcher.take(debtor("执1", role="entry", catalogue=OLD))
    await turning.load(newer(in_days(DAYS)))
    ends, _, _ = await turning.foretold(NEW)
    ahead()
    await turning.sweep()
    told = await turning.matcher.told("credit.notifications.ends")
    assert {(n.measure["id"], n.agency) for n in told} == {
        (measure, agency) for _, measure, _, agency in ends if agency
    }
    assert all(n.reason and n.reason["code"] == "basis-ended" and n.reason["catalogue"] == NEW for n in told)
    assert {n.catalogue for n in told} == {OLD}  # what they rested on


async def test_a_sweep_that_dies_goes_on_where_it_was(turning: Turning) -> None:  # noqa: F811
    await turning.archive(3)
    before = await turning.standing()
    await turning.load(newer(in_days(DAYS), "active"))
    ends, makes, _ = await turning.foretold(NEW)
    ahead()
    first = OnCatalogue(turning.matcher.engine, turning.matcher.books, at_once=5)
    assert await first.run_once() == 5
    half = await turning.standing()
    async with turning.matcher.engine.connect() as conn:  # killed before its commit: nothing of it stays
        await conn.begin()
        turn = await first._next(conn)
        assert turn
        assert await first._sweep(conn, turn) == 5
        await conn.rollback()
    assert await turning.standing() == half != before
    assert await turning.sweep(at_once=5, books=turning.anew()) > 5
    after = await turning.standing()
    assert {row for row, _ in before - after} == ends
    assert {row for row, _ in after - before} == makes
    (swept,) = await turning.matcher.rows(
        f"SELECT ended, made, done_at FROM matcher.catalogue_sweeps WHERE version = '{NEW}'"
    )
    assert (swept["ended"], swept["made"]) == (len(ends), len(makes))
    assert swept["done_at"]


async def test_two_processes_sweep_no_subject_twice(turning: Turning) -> None:  # noqa: F811
    await turning.archive(5)
    await turning.load(newer(in_days(DAYS), "active"))
    ends, makes, _ = await turning.foretold(NEW)
    ahead()
    await asyncio.gather(*(turning.sweep(at_once=2, books=turning.anew()) for _ in range(3)))
    await turning.sweep()
    (swept,) = await turning.matcher.rows(f"SELECT ended, made FROM matcher.catalogue_sweeps WHERE version = '{NEW}'")
    assert (swept["ended"], swept["made"]) == (len(ends), len(makes))
    assert len(await turning.matcher.told("credit.notifications.ends")) >= len({row for row in ends if row[3]})


@pytest.mark.requirement("R023")
async def test_records_keep_the_version_that_they_entered_under(turning: Turning) -> None:  # noqa: F811
    await turning.archive(7)
    await turning.load(newer(in_days(DAYS), "active"))
    ahead()
    await turning.sweep()
    assert await turning.matcher.count(f"SELECT count(*) FROM matcher.records WHERE catalogue = '{NEW}'") == 0


async def test_a_fact_that_was_stamped_before_the_turn_begins_nothing_that_has_ended(turning: Turning) -> None:  # noqa: F811
    await turning.load(newer(in_days(DAYS)))
    ahead()
    await turning.sweep()
    await turning.matcher.take(registration(ORG))
    await turning.matcher.take(debtor("执1", role="entry", catalogue=OLD))
    measures = {row[1] for row, _ in await turning.standing()}
    assert "P64-07" in measures
    assert measures.isdisjoint({"P64-06", "P64-09", "P64-10"})


@pytest.mark.requirement("R095")
async def test_a_document_that_ends_while_its_version_is_in_force_takes_what_rests_on_it_along(
    turning: Turning,  # noqa: F811
) -> None:
    made = older()
    made["manifest"] |= {"version": "2026-turn.3", "effective_from": in_days(0).isoformat()}
    row(made, "documents", TRIAL)["valid_to"] = in_days(DAYS).isoformat()
    await turning.load(made)
    await turning.matcher.take(registration(ORG))
    await turning.matcher.take(debtor("执1", role="entry", catalogue="2026-turn.3"))
    await turning.sweep()
    before = await turning.standing()
    ahead(DAYS - 1)
    await turning.sweep()
    assert await turning.standing() == before
    ahead()
    await turning.sweep()
    after = await turning.standing()
    assert {row[1] for row, _ in before - after} == {"P64-06", "P64-09"}
    assert after < before
    (reason,) = {
        str(r["because"])
        for r in await turning.matcher.rows(
            "SELECT lift_reason ->> 'because' AS because FROM matcher.obligations WHERE lift_reason IS NOT NULL"
        )
    }
    assert reason == "document-ended"


# ------------------------------------------------------------------------------------------------ layers
LOCAL = "2026-hebei.1"


def local(on: str, division: str = "130000", **manifest: Any) -> dict[str, Any]:
    """A province's regulation lets its offices act on penalties."""
    made = older()
    named = {"version": LOCAL, "effective_from": on, "layer": "local", "division": division}
    measure = {
        **row(made, "measures", "P64-27"),
        "id": "HB-01",
        "departments": ["mohurd"],
        "triggers": ["judgment-debtor"],
    }
    measure["citation"] = {"document": "某省信用条例", "clause": "第三十条", "quote_zh": "可以依法采取措施"}
    regulation = {**row(made, "documents", TRIAL), "id": "某省信用条例", "rank": "local-regulation"}
    empty = {part: [] for part, rows in made.items() if isinstance(rows, list)}
    return {
        **empty,
        "manifest": {**made["manifest"], **named, **manifest},
        "calendar": made["calendar"],
        "documents": [regulation],
        "measures": [measure],
    }


@pytest.mark.requirement("R024", "R038")
async def test_a_local_measure_holds_for_subjects_seated_in_its_division_alone(turning: Turning) -> None:  # noqa: F811
    await turning.load(local(in_days(0).isoformat()))
    await turning.sweep()
    for org, seat in (("PDY900001", "130822"), ("PDY900002", "130000"), ("PDY900003", "140100")):
        await turning.matcher.take(registration(org, seat=seat))
        await turning.matcher.take(debtor(f"执{org}", org, role="entry", catalogue=OLD))
    rows = await turning.matcher.rows(
        "SELECT organisation_code, agency, catalogue, explain #>> '{measure,document}' AS document"
        " FROM matcher.obligations WHERE measure = 'HB-01' ORDER BY 1"
    )
    assert [(r["organisation_code"], r["agency"]) for r in rows] == [
        ("PDY900001", "mohurd-130822"),
        ("PDY900002", "mohurd-130000"),
    ]
    assert {(r["catalogue"], r["document"]) for r in rows} == {(f"{OLD}+{LOCAL}", "某省信用条例")}
    told = [n for n in await turning.matcher.told() if n.measure["id"] == "HB-01"]
    assert len(told) == 2
    assert all(n.record["data"] for n in told)


@pytest.mark.requirement("R024")
async def test_a_local_version_reaches_what_is_in_force_in_its_division_and_its_end_lifts_it(turning: Turning) -> None:  # noqa: F811
    for org, seat in (("PDY900001", "130822"), ("PDY900003", "140100")):
        await turning.matcher.take(registration(org, seat=seat))
        await turning.matcher.take(debtor(f"执{org}", org, role="entry", catalogue=OLD))
    before = await turning.standing()
    await turning.load(local(in_days(DAYS).isoformat(), reaches="active"))
    ends, makes, _ = await turning.foretold(LOCAL)
    assert (ends, {(row[1], row[3]) for row in makes}) == (set(), {("HB-01", "mohurd-130822")})
    ahead()
    await turning.sweep()
    assert {row for row, _ in await turning.standing() - before} == makes
    gone = local(in_days(1).isoformat(), version="2026-hebei.2") | {"measures": []}
    await turning.load(gone)
    ends, _, _ = await turning.foretold("2026-hebei.2")
    assert ends == makes
    ahead(DAYS + 1)
    await turning.sweep()
    assert await turning.standing() == before
