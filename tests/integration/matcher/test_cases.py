"""Understands a case that goes beyond its seat, on PostgreSQL: regions are asked, and each answers for itself."""

from __future__ import annotations

import pytest

from credithub.domain.events import CreditEvent
from tests.harness import lives
from tests.integration.matcher.conftest import Matcher
from tests.integration.matcher.test_lives import listed, refused

__all__ = ["listed"]
pytestmark = pytest.mark.requirement("R084")
AWAY = "130823"


@pytest.fixture(autouse=True)
def _two_counties(matcher: Matcher) -> None:
    departments = {d for _, d in matcher.books.catalogue("2026-illustrative.2").measures_for("judgment-debtor")}
    matcher.have([f"{department}-{division}" for department in sorted(departments) for division in ("130822", AWAY)])


async def by_scope(matcher: Matcher) -> dict[str | None, int]:
    rows = await matcher.rows("SELECT scope, count(*) AS n FROM matcher.obligations GROUP BY 1")
    return {row["scope"]: int(str(row["n"])) for row in rows}  # type: ignore[misc]


@pytest.mark.requirement("R077")
async def test_a_region_that_accepts_joins_with_its_own_agencies(matcher: Matcher, listed: CreditEvent) -> None:
    before = await by_scope(matcher)
    assert await matcher.take(lives.initiated(listed, [AWAY])) == {"archived": 1}
    assert await by_scope(matcher) == before, "asked is not accepted"
    assert await matcher.take(lives.answered_scope(listed, AWAY)) == {"archived": 1}
    assert await by_scope(matcher) == before | {AWAY: before[None]}
    agencies = await matcher.rows(
        f"SELECT DISTINCT right(agency, 6) AS at FROM matcher.obligations WHERE scope = '{AWAY}'"
    )
    assert [row["at"] for row in agencies] == [AWAY]


async def test_a_region_that_declines_says_why_and_gets_nothing(matcher: Matcher, listed: CreditEvent) -> None:
    before = await by_scope(matcher)
    await matcher.take(lives.initiated(listed, [AWAY]))
    assert await matcher.take(lives.answered_scope(listed, AWAY, "declined")) == {"refused": 1}
    assert await matcher.take(lives.answered_scope(listed, AWAY, "declined", reason="无相关事项")) == {"archived": 1}
    assert await by_scope(matcher) == before
    (row,) = await matcher.rows("SELECT state, answer_reason FROM matcher.scopes")
    assert tuple(row.values()) == ("declined", "无相关事项")


async def test_only_the_region_itself_answers_and_only_once(matcher: Matcher, listed: CreditEvent) -> None:
    await matcher.take(lives.initiated(listed, [AWAY]))
    assert await matcher.take(lives.answered_scope(listed, AWAY, by="ndrc-130822")) == {"refused": 1}
    await matcher.take(lives.answered_scope(listed, AWAY))
    assert await matcher.take(lives.answered_scope(listed, AWAY)) == {"refused": 1}
    assert await refused(matcher) == ["scope-not-yours", "conflict"]


async def test_only_the_determining_department_initiates_and_only_within_the_measures_list(
    matcher: Matcher, listed: CreditEvent
) -> None:
    from tests.harness.facts import fact

    licence = fact()
    await matcher.take(licence)
    assert await matcher.take(lives.initiated(listed, [AWAY], by="samr-130822")) == {"refused": 1}
    assert await matcher.take(lives.initiated(licence, [AWAY])) == {"refused": 1}
    assert await matcher.take(lives.initiated(listed, ["999999"])) == {"refused": 1}
    assert await refused(matcher) == ["not-determining-department", "measure-outside-list", "seat-unknown"]


async def test_the_end_of_the_record_lifts_what_the_regions_joined_with(matcher: Matcher, listed: CreditEvent) -> None:
    await matcher.take(lives.initiated(listed, [AWAY]), lives.answered_scope(listed, AWAY))
    await matcher.take(lives.withdrawn(listed))
    assert set(await matcher.states()) == {"lifting"}


async def test_a_region_that_joins_a_suspended_record_is_told_it_suspended(
    matcher: Matcher, listed: CreditEvent
) -> None:
    await matcher.take(lives.initiated(listed, [AWAY]), lives.objected(listed))
    await matcher.take(lives.answered_scope(listed, AWAY))
    rows = await matcher.rows(f"SELECT DISTINCT suspended FROM matcher.obligations WHERE scope = '{AWAY}'")
    assert [row["suspended"] for row in rows] == [True]
