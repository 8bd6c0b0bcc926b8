"""Understands a subject that moves, and an agency that leaves: the old agency lifts, the new one begins another round."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

import pytest

from tests.harness.facts import debtor, registration
from tests.integration.matcher.clockwork import Works, answer

if TYPE_CHECKING:
    from credithub.domain.notifications import Notification

ORG = "PDY900077"
HERE, THERE = "mnr-130822", "mnr-130823"


@pytest.fixture
async def seated(works: Works) -> Works:
    """A debtor here, with the agencies of one department in two counties."""
    works.matcher.have([HERE, THERE])
    await works.matcher.take(registration(ORG, seat="130822"))
    await works.matcher.take(debtor("执1"))
    return works


async def live(works: Works) -> set[tuple[str, int, str]]:
    """(agency, round, state) of what is in force."""
    rows = await works.matcher.rows("SELECT agency, round, state FROM matcher.obligations WHERE state <> 'lifting'")
    return {(str(r["agency"]), int(str(r["round"])), str(r["state"])) for r in rows}


def by(told: Collection[Notification]) -> dict[str, set[str]]:
    return {agency: {n.measure["id"] for n in told if n.agency == agency} for agency in {n.agency for n in told}}


async def test_when_the_seat_moves_the_old_agency_lifts_and_the_new_one_begins(seated: Works) -> None:
    before = by(await seated.told("triggered"))
    await seated.matcher.take(registration(ORG, seat="130823"))
    lifted = await seated.told("lifted")
    assert by(lifted) == before
    assert {(n.reason or {})["code"] for n in lifted} == {"rerouted"}
    assert by(await seated.told("triggered")) == {HERE: before[HERE], THERE: before[HERE]}
    assert await live(seated) == {(THERE, 1, "triggered")}
    assert await seated.matcher.count("SELECT count(*) FROM matcher.cases WHERE closed_at IS NULL") == 1


async def test_moved_away_and_back_is_a_new_round_neither_swallowed_nor_reopened(seated: Works) -> None:
    """Interleavings 28."""
    await seated.matcher.take(registration(ORG, seat="130823"))
    await seated.matcher.take(registration(ORG, seat="130822"))
    assert await live(seated) == {(HERE, 2, "triggered")}
    first = {n.obligation for n in await seated.told("triggered") if (n.agency, n.round) == (HERE, 1)}
    again = {n.obligation for n in await seated.told("triggered") if (n.agency, n.round) == (HERE, 2)}
    assert first
    assert len(first) == len(again)
    assert not first & again
    assert {(n.version, n.state) for n in await seated.told("lifted") if n.obligation in first} == {(2, "lifted")}


async def test_the_same_words_of_the_register_change_nothing(seated: Works) -> None:
    told = len(await seated.matcher.told())
    await seated.matcher.take(registration(ORG, seat="130822"))
    assert len(await seated.matcher.told()) == told


async def test_what_was_executed_there_is_lifted_there_and_begun_anew_here(seated: Works) -> None:
    one = (await seated.told("triggered"))[0]
    await seated.matcher.hear(answer(one, "executed"))
    await seated.matcher.take(registration(ORG, seat="130823"))
    assert one.obligation in {n.obligation for n in await seated.told("lifted")}
    assert {state for _, _, state in await live(seated)} == {"triggered"}
    assert (await seated.moments())["answer-due"] == len([n for n in await seated.told("triggered") if n.due_on]) / 2


async def test_what_moves_while_its_record_is_in_doubt_is_born_suspended(seated: Works) -> None:
    await seated.database.rows("UPDATE matcher.records SET disputed = true WHERE item = 'judgment-debtor'")
    await seated.matcher.take(registration(ORG, seat="130823"))
    assert {(n.state, n.lane) for n in await seated.told("triggered") if n.agency == THERE} == {("suspended", "ends")}


async def test_where_no_agency_is_it_stays_visible_and_the_one_that_comes_back_gets_a_new_round(seated: Works) -> None:
    held = len(await seated.told("triggered"))
    open_before = (await seated.matcher.states()).get("unrouted", 0)
    await seated.matcher.take(registration(ORG, seat="140105"))
    assert (await seated.matcher.states()).get("unrouted", 0) == open_before + held
    assert await live(seated) == set()
    await seated.matcher.take(registration(ORG, seat="130822"))
    assert await live(seated) == {(HERE, 2, "triggered")}


async def test_an_agency_that_is_retired_hands_over_to_the_next_above(works: Works) -> None:
    await works.register("mnr-130800")
    await works.register("mnr-130822")
    await works.sweep()
    await works.matcher.take(registration(ORG))
    await works.matcher.take(debtor("执1"))
    held = by(await works.told("triggered"))
    assert set(held) == {"mnr-130822"}
    await works.database.rows("UPDATE gateway.agencies SET valid_to = '2026-01-01' WHERE id = 'mnr-130822'")
    await works.sweep()
    assert by(await works.told("lifted")) == held
    assert await live(works) == {("mnr-130800", 1, "triggered")}


async def test_an_agency_that_joins_takes_nothing_from_one_that_acts(works: Works) -> None:
    await works.register("mnr-130800")
    await works.sweep()
    await works.matcher.take(registration(ORG))
    await works.matcher.take(debtor("执1"))
    await works.register("mnr-130822")
    await works.sweep()
    assert await works.told("lifted") == []
