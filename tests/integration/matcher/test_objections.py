"""Understands an objection: suspended at once and everywhere, verified by two, ended in one of four ways."""

from __future__ import annotations

import pytest

from credithub.domain.events import CreditEvent
from tests.harness import lives
from tests.integration.matcher.conftest import Matcher
from tests.integration.matcher.test_lives import kinds, listed, refused, standing

__all__ = ["listed"]
pytestmark = pytest.mark.requirement("R218", "R220")


async def test_an_objection_suspends_every_obligation_at_once_and_stops_their_due_dates(
    matcher: Matcher, listed: CreditEvent
) -> None:
    duties = sum((await matcher.states()).values())
    assert await matcher.take(lives.objected(listed)) == {"archived": 1}
    assert await standing(matcher) == ("active", True, False, 1)
    rows = await matcher.rows("SELECT DISTINCT suspended, due_on FROM matcher.obligations")
    assert [tuple(row.values()) for row in rows] == [(True, None)]
    suspended = [n for n in await matcher.told() if n.kind == "suspended"]
    assert len(suspended) == duties
    assert {n.lane for n in suspended} == {"ends"}
    assert suspended[0].reason
    assert suspended[0].reason["code"] == "disputed"


@pytest.mark.requirement("R219", "R224")
async def test_supplier_and_collector_each_have_a_due_date_to_verify(matcher: Matcher, listed: CreditEvent) -> None:
    await matcher.take(lives.objected(listed))
    (row,) = await matcher.rows("SELECT determining, supplier_due_on, collector_due_on FROM matcher.objections")
    assert row["determining"] == lives.COURT
    assert row["supplier_due_on"] is not None
    assert row["collector_due_on"] is not None
    assert await matcher.count("SELECT count(*) FROM matcher.moments WHERE kind = 'verify-due'") == 2


async def test_an_objection_is_refused_only_after_both_have_verified_and_then_all_resumes(
    matcher: Matcher, listed: CreditEvent
) -> None:
    duties = sum((await matcher.states()).values())
    await matcher.take(lives.objected(listed))
    assert await matcher.take(lives.settled(listed, outcome="refused", by=lives.COURT)) == {"refused": 1}
    await matcher.take(lives.verified(listed))
    assert await matcher.take(lives.settled(listed, outcome="refused", by=lives.COURT)) == {"refused": 1}
    assert await refused(matcher) == ["verification-missing"] * 2
    await matcher.take(lives.verified(listed, who="collector"))
    assert await matcher.take(lives.settled(listed, outcome="refused", by=lives.COURT)) == {"archived": 1}
    assert await standing(matcher) == ("active", False, False, 1)
    resumed = [n for n in await matcher.told() if n.kind == "resumed"]
    assert len(resumed) == duties
    assert {(n.lane, n.reason["code"]) for n in resumed if n.reason} == {("rest", "objection-refused")}
    assert await matcher.count("SELECT count(*) FROM matcher.moments WHERE kind = 'verify-due'") == 0


async def test_an_upheld_objection_that_corrects_gives_a_new_version_and_resumes(
    matcher: Matcher, listed: CreditEvent
) -> None:
    duties = sum((await matcher.states()).values())
    await matcher.take(lives.objected(listed))
    said = {"debtor": {"duty": "已部分履行"}}
    assert await matcher.take(lives.settled(listed, outcome="upheld-corrected", said=said)) == {"archived": 1}
    assert await standing(matcher) == ("active", False, False, 2)
    assert (await kinds(matcher)) == {"triggered": duties, "suspended": duties, "corrected": duties, "resumed": duties}


async def test_an_upheld_objection_that_withdraws_lifts_with_a_notice_of_restoration(
    matcher: Matcher, listed: CreditEvent
) -> None:
    await matcher.take(lives.objected(listed))
    await matcher.take(lives.settled(listed, outcome="upheld-withdrawn"))
    assert (await standing(matcher))[0] == "withdrawn"
    lifted = [n for n in await matcher.told() if n.kind == "lifted"]
    assert lifted
    assert all(n.reason and n.reason["restoration"] is True for n in lifted)


@pytest.mark.requirement("R222")
async def test_a_record_is_suspended_while_any_objection_is_open(matcher: Matcher, listed: CreditEvent) -> None:
    await matcher.take(lives.objected(listed, "异1"), lives.objected(listed, "异2"))
    await matcher.take(lives.settled(listed, "异1"))
    assert (await standing(matcher))[1] is True
    assert await matcher.count("SELECT count(*) FROM matcher.obligations WHERE NOT suspended") == 0
    await matcher.take(lives.settled(listed, "异2"))
    assert (await standing(matcher))[1] is False
    told = await kinds(matcher)
    assert told["suspended"] == told["resumed"] == told["triggered"]


async def test_an_outcome_that_comes_before_its_opening_closes_it(matcher: Matcher, listed: CreditEvent) -> None:
    await matcher.take(lives.settled(listed))
    assert await matcher.take(lives.objected(listed)) == {"archived": 1}
    assert await standing(matcher) == ("active", False, False, 1)
    (row,) = await matcher.rows("SELECT state FROM matcher.objections")
    assert row["state"] == "withdrawn-by-filer"
    assert set(await kinds(matcher)) == {"triggered"}


async def test_a_verification_that_comes_before_its_objection_waits_for_it(
    matcher: Matcher, listed: CreditEvent
) -> None:
    assert await matcher.take(lives.verified(listed)) == {"waiting-record": 1}
    assert await matcher.take(lives.objected(listed)) == {"archived": 2}
    (row,) = await matcher.rows("SELECT supplier_finding FROM matcher.objections")
    assert row["supplier_finding"] == "correct"


async def test_an_agency_may_object_only_to_what_it_is_to_act_on(matcher: Matcher, listed: CreditEvent) -> None:
    (holder,) = await matcher.rows("SELECT min(agency) AS agency FROM matcher.obligations")
    assert await matcher.take(lives.objected(listed, by="cma-130822", who="agency")) == {"refused": 1}
    assert await refused(matcher) == ["objection-not-holder"]
    assert await matcher.take(lives.objected(listed, by=str(holder["agency"]), who="agency")) == {"archived": 1}
    assert (await standing(matcher))[1] is True


async def test_the_same_objection_twice_is_a_conflict_and_one_outcome_is_all(
    matcher: Matcher, listed: CreditEvent
) -> None:
    await matcher.take(lives.objected(listed))
    assert await matcher.take(lives.objected(listed)) == {"refused": 1}
    await matcher.take(lives.settled(listed))
    assert await matcher.take(lives.settled(listed)) == {"refused": 1}
    assert await refused(matcher) == ["conflict", "conflict"]


async def test_opening_and_outcome_in_one_batch_are_taken_in_their_order(matcher: Matcher, listed: CreditEvent) -> None:
    await matcher.take(lives.objected(listed), lives.settled(listed), lives.withdrawn(listed))
    assert (await standing(matcher))[:2] == ("withdrawn", False)
    told = await matcher.told()
    one = [n for n in told if n.obligation == told[0].obligation]
    assert [n.kind for n in one] == ["triggered", "suspended", "resumed", "lifted"]
    assert [n.version for n in one] == [1, 2, 3, 4]
