"""Understands subjects that change on PostgreSQL: re-coded, merged, split, and each taken back."""

from __future__ import annotations

import pytest

from tests.harness import lives
from tests.harness.facts import debtor, fact, registration
from tests.integration.matcher.conftest import Matcher
from tests.integration.matcher.test_lives import refused

OLD, NEW, THIRD = "PDY900077", "PDY900085", "PDY900093"


async def keyed(matcher: Matcher, item: str = "licence") -> list[str]:
    rows = await matcher.rows(f"SELECT organisation_code FROM matcher.records WHERE item = '{item}' ORDER BY 1")
    return [str(row["organisation_code"]) for row in rows]


@pytest.mark.parametrize(("first", "second"), [(OLD, NEW), (NEW, OLD)])
async def test_a_fact_said_under_both_codes_of_one_subject_is_keyed_once(
    matcher: Matcher, first: str, second: str
) -> None:
    await matcher.take(registration(OLD), registration(NEW), fact(org=first, number="证1"))
    assert await matcher.take(lives.linked("recoded", NEW, [OLD])) == {"archived": 1}
    assert await matcher.take(fact(org=second, number="证1")) == {"duplicate": 1}
    assert await keyed(matcher) == [first]


async def test_a_code_taken_over_by_way_of_another_is_one_subject_too(matcher: Matcher) -> None:
    await matcher.take(*(registration(org) for org in (OLD, NEW, THIRD)), fact(org=OLD, number="证1"))
    await matcher.take(lives.linked("recoded", NEW, [OLD]), lives.linked("merged", THIRD, [NEW]))
    assert await matcher.take(fact(org=THIRD, number="证1")) == {"duplicate": 1}


@pytest.mark.requirement("R013")
async def test_after_a_link_is_taken_back_the_codes_are_two_again(matcher: Matcher) -> None:
    await matcher.take(
        registration(OLD), registration(NEW), fact(org=OLD, number="证1"), lives.linked("merged", NEW, [OLD])
    )
    assert await matcher.take(lives.unlinked("merged", NEW, [OLD])) == {"archived": 1}
    assert await matcher.take(fact(org=NEW, number="证1")) == {"archived": 1}
    assert await keyed(matcher) == [OLD, NEW]


async def test_a_link_that_does_not_stand_cannot_be_taken_back(matcher: Matcher) -> None:
    await matcher.take(registration(NEW))
    assert await matcher.take(lives.unlinked("merged", NEW, [OLD])) == {"refused": 1}
    assert await refused(matcher) == ["subject-code-unknown"]


async def test_codes_that_were_split_off_stay_subjects_of_their_own(matcher: Matcher) -> None:
    await matcher.take(
        registration(OLD), registration(NEW), fact(org=OLD, number="证1"), lives.linked("split", OLD, [NEW])
    )
    assert await matcher.take(fact(org=NEW, number="证1")) == {"archived": 1}


async def test_no_code_is_linked_to_itself(matcher: Matcher) -> None:
    await matcher.take(registration(OLD))
    assert await matcher.take(lives.linked("recoded", OLD, [OLD])) == {"refused": 1}


async def test_cases_of_a_merged_subject_go_to_the_agencies_of_the_survivors_seat_and_back(matcher: Matcher) -> None:
    """Old agency lifts, new one triggers; taken back, they go home in a new round."""
    pairs = matcher.books.catalogue("2026-illustrative.2").measures_for("judgment-debtor")
    departments = sorted({department for _, department in pairs})
    matcher.have([f"{department}-{division}" for department in departments for division in ("130822", "130823")])
    await matcher.take(registration(OLD, seat="130822"), registration(NEW, seat="130823"), debtor("执1", OLD))
    first = await live(matcher)
    assert {agency.rsplit("-", 1)[1] for agency, _ in first} == {"130822"}
    await matcher.take(lives.linked("merged", NEW, [OLD]))
    moved = await live(matcher)
    assert {agency.rsplit("-", 1)[1] for agency, _ in moved} == {"130823"}
    assert len(moved) == len(first)
    await matcher.take(lives.unlinked("merged", NEW, [OLD]))
    home = await live(matcher)
    assert {(agency, round_) for agency, round_ in home} == {(agency, 2) for agency, _ in first}


async def live(matcher: Matcher) -> list[tuple[str, int]]:
    rows = await matcher.rows(
        "SELECT agency, round FROM matcher.obligations WHERE state NOT IN ('lifting', 'lifted', 'cancelled')"
        " ORDER BY agency, measure"
    )
    return [(str(row["agency"]), int(str(row["round"]))) for row in rows]


@pytest.mark.requirement("R056")
async def test_an_event_that_waits_by_name_goes_where_a_person_says(matcher: Matcher) -> None:
    nameless = fact(org=None, name="兴隆县示例公司")
    assert await matcher.take(registration(OLD), nameless) == {"archived": 1, "waiting-subject": 1}
    said = {"identity": {"source": nameless.source, "id": nameless.id, "decision": "confirmed", "reason": "经核对"}}
    person = fact("identity.confirmed", "", org=OLD, data=said, role="identity", supplier="hub", source="//hub/k1")
    assert await matcher.take(person) == {"archived": 2}
    assert await keyed(matcher) == [OLD]
    assert await matcher.count("SELECT count(*) FROM matcher.waiting") == 0


async def test_a_candidate_that_a_person_refuses_leaves_the_event_waiting(matcher: Matcher) -> None:
    nameless = fact(org=None, name="兴隆县示例公司")
    await matcher.take(nameless)
    said = {"identity": {"source": nameless.source, "id": nameless.id, "decision": "refused", "reason": "同名不同址"}}
    await matcher.take(
        fact("identity.confirmed", "", org=OLD, data=said, role="identity", supplier="hub", source="//hub/k1")
    )
    assert await matcher.count("SELECT count(*) FROM matcher.waiting") == 1
    assert await keyed(matcher) == []
