"""Understands what happens by time alone: overdue, reminded, escalated, over; each once, and only while it is so."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from credithub import clock
from credithub.cli import main
from credithub.db.business_clock import Following
from credithub.db.engine import make_engine
from credithub.domain.catalogue import Catalogue
from credithub.domain.catalogue.terms import Duration
from credithub.domain.durations import months_later
from credithub.kafka.consumer import Record
from services.matcher.on_due import OnDue
from services.matcher.on_feedback import OnFeedback
from tests.harness.business import Business
from tests.harness.eventually import eventually
from tests.harness.facts import debtor, registration, removal
from tests.integration.matcher.clockwork import Works, answer

if TYPE_CHECKING:
    from credithub.domain.notifications import Notification
    from tests.harness.ground import Database
    from tests.integration.matcher.conftest import Matcher

ORG = "PDY900077"


@pytest.fixture
async def triggered(works: Works) -> list[Notification]:
    await works.matcher.take(registration(ORG))
    await works.matcher.take(debtor("执1"))
    return await works.matcher.told("credit.notifications")


# ------------------------------------------------------------------------------------------------- answers due
@pytest.mark.requirement("R089", "R093")
async def test_only_what_is_mandatory_and_may_be_late_falls_due_and_not_before_the_day_after(
    works: Works, triggered: list[Notification], catalogue: Catalogue
) -> None:
    mandatory = {
        n.obligation
        for n in triggered
        if (m := catalogue.measure(n.measure["id"])) and m.mandatory and m.due_working_days
        and (e := catalogue.effect(m.effect)) and e.overdue
    }  # fmt: skip
    assert 0 < len(mandatory) < len(triggered)
    assert (await works.moments())["answer-due"] == len(mandatory)
    works.business.until(await works.due_on())
    assert await works.work() == 0
    works.business.days(1)
    assert await works.work() == len(mandatory)
    due = await works.told("due")
    assert {(n.obligation, n.version, n.state, n.lane) for n in due} == {(o, 2, "triggered", "rest") for o in mandatory}
    assert await works.matcher.count("SELECT count(*) FROM matcher.obligations WHERE overdue") == len(mandatory)


async def test_it_is_said_once_however_often_the_queue_is_worked(works: Works, triggered: list[Notification]) -> None:
    works.business.until(await works.due_on() + timedelta(days=1))
    said = await works.work()
    assert await works.work() == 0
    assert len(await works.told("due")) == said


@pytest.mark.requirement("R089")
@pytest.mark.parametrize("said", ["executed", "declined"])
async def test_what_was_answered_falls_due_no_more(works: Works, triggered: list[Notification], said: str) -> None:
    owed = [n for n in triggered if n.due_on]
    before = (await works.moments())["answer-due"]
    reason = works.business.catalogue.decline_reasons[0].code if said == "declined" else None
    await works.matcher.hear(answer(owed[0], said, reason=reason), answer(owed[1], "acknowledged"))
    assert (await works.moments())["answer-due"] == before - 1
    works.business.until(await works.due_on() + timedelta(days=1))
    await works.work()
    assert owed[0].obligation not in {n.obligation for n in await works.told("due")}
    assert owed[1].obligation in {n.obligation for n in await works.told("due")}


async def test_a_late_answer_ends_the_lateness(works: Works, triggered: list[Notification]) -> None:
    works.business.until(await works.due_on() + timedelta(days=1))
    await works.work()
    due = await works.told("due")
    before = (await works.moments())["escalate"]
    await works.matcher.hear(answer(due[0], "executed"))
    assert (await works.moments())["escalate"] == before - 1
    assert await works.matcher.count("SELECT count(*) FROM matcher.obligations WHERE overdue") == len(due) - 1


@pytest.mark.requirement("R091")
async def test_what_stays_overdue_goes_up_one_step_at_a_time_and_says_nothing_of_the_subject(works: Works) -> None:
    await works.register("mnr-130000")
    await works.register("mnr-130800", superior="mnr-130000")
    await works.register("mnr-130822", superior="mnr-130800")
    await works.matcher.books.run_once()
    await works.matcher.take(registration(ORG))
    await works.matcher.take(debtor("执1"))
    works.business.until(await works.due_on() + timedelta(days=1))
    late = await works.work()
    told: list[list[str]] = []
    for _ in range(3):
        works.pass_period("escalate-after")
        await works.work()
        told.append(sorted({n.agency for n in await works.told("escalated")}))
    assert told == [["mnr-130800"], ["mnr-130000", "mnr-130800"], ["mnr-130000", "mnr-130800"]]
    escalated = await works.told("escalated")
    assert len({n.message for n in escalated}) == len(escalated) == 2 * late
    for one in escalated:
        assert (one.subject, one.record, one.lane) == ({}, {}, "rest")
        assert one.reason is not None
        assert (one.reason["agency"], one.reason["since"]) == ("mnr-130822", one.due_on)
    assert len(await works.told("due")) == late


@pytest.mark.requirement("R097", "R104", "R105")
async def test_a_partner_is_informed_and_owes_nothing(works: Works) -> None:
    await works.register("mnr-130822", kind="partner")
    await works.matcher.books.run_once()
    await works.matcher.take(registration(ORG))
    await works.matcher.take(debtor("执1"))
    told = await works.told("triggered")
    assert told
    assert {n.due_on for n in told} == {None}
    assert await works.matcher.count("SELECT count(*) FROM matcher.obligations WHERE mandatory") == 0
    await works.begun([n.obligation for n in told])
    await works.matcher.take(removal("执1"))
    assert {n.obligation for n in await works.told("lifted")} == {n.obligation for n in told}
    assert set(await works.matcher.states()) - {"unrouted"} == {"lifted"}
    assert await works.matcher.count("SELECT count(*) FROM hub.still_holding_v") == 0
    assert not {"remind", "answer-due"} & set(await works.moments())


# ------------------------------------------------------------------------------------------------- reminders
@pytest.mark.requirement("R092")
async def test_who_may_hold_what_ended_is_reminded_until_it_confirms(
    works: Works, triggered: list[Notification]
) -> None:
    held = [n.obligation for n in triggered[:2]]
    await works.begun(held)
    await works.matcher.take(removal("执1"))
    for n in (1, 2):
        works.pass_period("remind-every")
        await works.work()
        reminders = {r.message: r for r in await works.told("reminder")}
        assert {f"{o}.1.2.r{k}" for o in held for k in range(1, n + 1)} == set(reminders)
    assert {(r.version, r.state, r.lane) for r in reminders.values()} == {(2, "lifted", "ends")}
    ends = {n.obligation: n for n in await works.told("lifted")}
    await works.matcher.hear(answer(ends[held[0]], "lift-confirmed"))
    works.pass_period("remind-every")
    await works.work()
    assert [r.obligation for r in await works.told("reminder")].count(held[0]) == 2
    assert [r.obligation for r in await works.told("reminder")].count(held[1]) == 3
    assert await works.matcher.count("SELECT max(reminded) FROM matcher.obligations") == 3


async def test_whom_no_attempt_ever_reached_is_not_reminded_but_kept_in_mind(
    works: Works, triggered: list[Notification]
) -> None:
    await works.matcher.take(removal("执1"))
    works.pass_period("remind-every")
    assert await works.work() == len(triggered)
    assert await works.told("reminder") == []
    assert (await works.moments())["remind"] == len(triggered)
    await works.begun([triggered[0].obligation])
    works.pass_period("remind-every")
    await works.work()
    assert [r.obligation for r in await works.told("reminder")] == [triggered[0].obligation]


# ------------------------------------------------------------------------------------------------- a measure's own term
@pytest.fixture
def limited(catalogue: Catalogue, matcher: Matcher) -> Catalogue:
    """The catalogue, its limit on awards one year long."""
    year = Duration(number=1, unit="years")
    periods = tuple(replace(p, maximum=year) if p.id == "award-limit" else p for p in catalogue.periods)
    changed = Catalogue(replace(catalogue.content, periods=periods))
    matcher.books.catalogues.known[changed.version] = changed
    return changed


@pytest.mark.requirement("R204")
async def test_a_measure_with_a_term_of_its_own_ends_with_it_while_the_listing_goes_on(
    works: Works, limited: Catalogue
) -> None:
    await works.matcher.take(registration(ORG))
    listing = debtor("执1")
    await works.matcher.take(listing)
    awards = {m.id for m in limited.measures if m.term == "award-limit"}
    ends = months_later(clock.today().fromisoformat(listing.document["decided_on"]), 12)
    limits = "SELECT DISTINCT measure, term_until FROM matcher.obligations WHERE term_until IS NOT NULL"
    assert await works.matcher.rows(limits) == [{"measure": measure, "term_until": ends} for measure in awards]
    works.business.until(ends)
    await works.work()
    assert await works.told("lifted") == []
    works.business.days(1)
    await works.work()
    lifted = await works.told("lifted")
    assert {n.measure["id"] for n in lifted} == awards
    assert {(n.reason or {})["code"] for n in lifted} == {"term-ended"}
    assert await works.matcher.count("SELECT count(*) FROM matcher.cases WHERE closed_at IS NULL") == 1


async def test_a_measure_whose_term_was_over_before_the_fact_came_is_not_begun(
    works: Works, limited: Catalogue
) -> None:
    await works.matcher.take(registration(ORG))
    old = debtor("执1")
    await works.matcher.take(replace(old, document={**old.document, "decided_on": "2025-01-02"}))
    begun = {n.measure["id"] for n in await works.told("triggered")}
    assert begun
    assert not begun & {m.id for m in limited.measures if m.term == "award-limit"}


# ------------------------------------------------------------------------------------------------- the queue itself
async def test_the_queue_is_worked_in_bounded_steps(works: Works, triggered: list[Notification]) -> None:
    works.business.until(await works.due_on() + timedelta(days=1))
    on_due = OnDue(works.matcher.engine, works.matcher.books, at_once=10)
    assert await on_due.run_once() == 10
    assert len(await works.told("due")) == 10


async def test_an_answer_that_takes_the_lock_first_is_seen_by_the_clock_behind_it(
    works: Works, triggered: list[Notification]
) -> None:
    """Interleavings 8: the clock re-reads its due row under the lock."""
    matcher, owed = works.matcher, next(n for n in triggered if n.due_on)
    works.business.until(await works.due_on() + timedelta(days=1))
    write = await OnFeedback(matcher.books)([Record("t", 0, 0, b"k", answer(owed, "executed").to_bytes(), 0)])
    async with matcher.engine.connect() as conn:
        await conn.begin()
        await write(conn)
        clockwork = asyncio.create_task(works.work())
        waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        await eventually(lambda: matcher.count(waits), why="the clock waits for the lock")
        await conn.commit()
    await clockwork
    due = {n.obligation for n in await works.told("due")}
    assert due
    assert owed.obligation not in due


async def test_after_a_restore_the_clock_rests_until_all_is_read_again(
    works: Works, triggered: list[Notification]
) -> None:
    """Interleavings 35: what falls due may have been answered in what is not read yet."""
    works.business.until(await works.due_on() + timedelta(days=1))
    await works.database.rows(
        "INSERT INTO hub.restores (epoch, from_dump, dumped_at, same_kafka) VALUES (2, 'x', now(), true)"
    )
    assert await works.work() == 0
    await works.database.rows("UPDATE hub.restores SET caught_up_at = now()")
    assert await works.work() > 0


@pytest.mark.requirement("R157", "R204")
async def test_moving_the_clock_shows_eight_working_days_and_three_years(
    works: Works, triggered: list[Notification], database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`credithub clock advance`, followed by a matcher that runs: the listing's own end comes by itself."""
    monkeypatch.setenv("CREDITHUB_DATABASE_URL", database.url("owner"))
    monkeypatch.setenv("CREDITHUB_LANG", "en")
    main.fill()
    engine = make_engine(database.settings("matcher"), "matcher")
    following = Following(engine, database.settings("matcher"))

    async def advance(span: str) -> str:
        result = await asyncio.to_thread(CliRunner().invoke, main.app, ["clock", "advance", span])
        assert result.exit_code == 0, result.output
        await following.run_once()
        await works.work()
        return result.output

    today = clock.today()
    output = await advance("8wd")
    assert f"{today} → {clock.today()}" in output
    assert clock.today() == Business(works.business.catalogue).working_days(0)
    assert await works.told("due", "lifted") == []
    await advance("3wd")
    assert len(await works.told("due")) > 0
    await advance("3y")
    assert clock.today().year - today.year == 3
    assert set(await works.matcher.states()) == {"lifting"}
    assert {n.obligation for n in await works.told("lifted")} == {n.obligation for n in triggered}
    await engine.dispose()


async def test_in_production_there_is_one_time(works: Works, database: Database) -> None:
    settings = replace(database.settings("matcher"), mode="production")
    await database.rows("UPDATE hub.clock SET ahead = interval '3 years'")
    await Following(works.matcher.engine, settings).run_once()
    assert clock.ahead() == timedelta(0)
