"""Understands a record in doubt: nothing is to be done, nothing falls due, and what comes meanwhile is born so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

import pytest

from credithub.db.outbox import current_epoch
from credithub.domain.notifications import Notification
from services.matcher.duties import Duties
from services.matcher.rules.moves import JsonObject
from tests.harness.facts import debtor, registration, removal
from tests.integration.matcher.clockwork import Works, answer

if TYPE_CHECKING:
    from services.matcher.store.duties import Key

ORG = "PDY900077"
DOUBT: JsonObject = {"code": "disputed", "text_zh": "异议核实", "text_en": "under verification"}
CLEAR: JsonObject = {"code": "objection-refused", "text_zh": "异议不成立", "text_en": "not upheld"}


@pytest.fixture
async def triggered(works: Works) -> list[Notification]:
    await works.matcher.take(registration(ORG))
    await works.matcher.take(debtor("执1"))
    return await works.matcher.told("credit.notifications")


async def do(works: Works, act: str, *args: object) -> int:
    """One act of the Duties on the subject's records, in a transaction of its own."""
    async with works.matcher.engine.begin() as conn:
        duties = Duties(conn, works.matcher.books, await current_epoch(conn))
        done = await getattr(duties, act)(await records(works), *args)
        await duties.emit()
    return cast(int, done)


async def records(works: Works) -> Sequence[Key]:
    rows = await works.matcher.rows("SELECT organisation_code AS o, record AS r FROM matcher.cases")
    return [(str(row["o"]), str(row["r"])) for row in rows]


@pytest.mark.requirement("R090")
async def test_a_suspension_goes_on_the_lane_of_ends_with_its_reason_and_stops_the_due_dates(
    works: Works,
    triggered: list[Notification],
) -> None:
    assert await do(works, "suspend", DOUBT) == len(triggered)
    told = await works.told("suspended")
    assert {(n.version, n.state, n.lane, n.due_on) for n in told} == {(2, "suspended", "ends", None)}
    assert all(n.reason == DOUBT for n in told)
    assert "answer-due" not in await works.moments()
    works.business.later(30)
    await works.work()
    assert await works.told("due") == []


async def test_what_is_suspended_is_not_suspended_twice(works: Works, triggered: list[Notification]) -> None:
    await do(works, "suspend", DOUBT)
    assert await do(works, "suspend", DOUBT) == 0
    assert await do(works, "resume", CLEAR) == len(triggered)
    assert await do(works, "resume", CLEAR) == 0


async def test_when_it_resumes_what_was_not_answered_is_due_anew_counted_from_today(
    works: Works,
    triggered: list[Notification],
) -> None:
    owed = [n for n in triggered if n.due_on]
    await works.matcher.hear(answer(owed[0], "executed"), answer(owed[1], "acknowledged"))
    await do(works, "suspend", DOUBT)
    works.business.later(20)
    due_on = works.business.working_days(10).isoformat()
    await do(works, "resume", CLEAR)
    resumed = {n.obligation: n for n in await works.told("resumed")}
    assert {(n.version, n.state, n.lane) for n in resumed.values()} == {(3, "triggered", "rest")}
    assert resumed[owed[0].obligation].due_on is None
    assert {resumed[n.obligation].due_on for n in owed[1:]} == {due_on}
    assert (await works.moments())["answer-due"] == len(owed) - 1


async def test_a_suspension_is_confirmed_only_for_the_version_it_names_and_then_not_reminded(
    works: Works,
    triggered: list[Notification],
) -> None:
    one = triggered[0].obligation
    await works.begun([n.obligation for n in triggered])
    await do(works, "suspend", DOUBT)
    held = "SELECT count(*) FROM hub.still_holding_v WHERE state = 'suspended'"
    assert await works.matcher.count(held) == len(triggered)
    said = next(n for n in await works.told("suspended") if n.obligation == one)
    assert await works.matcher.hear(answer(said, "suspension-confirmed", version=1)) == {"refused": 1}
    assert await works.matcher.hear(answer(said, "suspension-confirmed", n=2)) == {"answered": 1}
    assert await works.matcher.count(held) == len(triggered) - 1
    works.pass_period("remind-every")
    await works.work()
    reminders = await works.told("reminder")
    assert {n.obligation for n in triggered} - {r.obligation for r in reminders} == {one}
    assert {(r.state, r.lane) for r in reminders} == {("suspended", "ends")}


async def test_a_correction_of_a_suspended_record_is_to_be_confirmed_anew(
    works: Works,
    triggered: list[Notification],
) -> None:
    await works.begun([n.obligation for n in triggered])
    await do(works, "suspend", DOUBT)
    await works.matcher.hear(*(answer(n, "suspension-confirmed") for n in await works.told("suspended")))
    assert await works.matcher.count("SELECT count(*) FROM hub.still_holding_v") == 0
    await do(works, "correct")
    corrected = await works.told("corrected")
    assert {(n.version, n.state, n.lane) for n in corrected} == {(3, "suspended", "ends")}
    assert await works.matcher.count("SELECT count(*) FROM hub.still_holding_v") == len(triggered)


async def test_an_end_lifts_what_is_suspended_and_leaves_what_is_over_alone(
    works: Works,
    triggered: list[Notification],
) -> None:
    await do(works, "suspend", DOUBT)
    await works.matcher.take(removal("执1"))
    assert await works.matcher.states() == {"lifting": len(triggered)}
    for act in ("suspend", "resume", "lift", "correct"):
        assert not await do(works, act, DOUBT)
    assert {n.version for n in await works.told("lifted")} == {3}


async def test_what_is_made_while_its_record_is_in_doubt_is_born_suspended(works: Works) -> None:
    """Interleavings 27: an agency that joins meanwhile is told of the doubt with the duty."""
    await works.matcher.take(debtor("执1"))
    await works.database.rows("UPDATE matcher.records SET disputed = true WHERE item = 'judgment-debtor'")
    await works.matcher.take(registration(ORG))
    born = await works.told("triggered")
    assert born
    assert {(n.version, n.state, n.lane, n.due_on) for n in born} == {(1, "suspended", "ends", None)}
    await works.database.rows("UPDATE matcher.records SET disputed = false")
    await do(works, "resume", CLEAR)
    assert (await works.moments())["answer-due"] > 0


async def test_a_reissued_lift_is_owed_again_above_everything_that_was_known(
    works: Works,
    triggered: list[Notification],
) -> None:
    await works.matcher.take(removal("执1"))
    ends = await works.told("lifted")
    await works.matcher.hear(*(answer(n, "lift-confirmed") for n in ends))
    assert await works.matcher.states() == {"lifted": len(ends)}
    async with works.matcher.engine.begin() as conn:
        from services.matcher.store import duties as store

        known = await store.locked(conn, (n.obligation for n in ends))
        duties = Duties(conn, works.matcher.books, 2)
        assert await duties.reissue(list(known.values())) == len(ends)
        await duties.emit()
    again = await works.told("reissued")
    assert {(n.epoch, n.version, n.state, n.lane) for n in again} == {(2, 3, "lifted", "ends")}
    assert await works.matcher.states() == {"lifting": len(ends)}
