"""Understands repair on PostgreSQL: one free application, the determining organ decides, a grant ends it for all."""

from __future__ import annotations

from typing import Any

import pytest

from credithub.domain.catalogue import Catalogue, from_json
from credithub.domain.events import CreditEvent
from tests.harness import lives
from tests.integration.matcher.conftest import Matcher
from tests.integration.matcher.test_lives import listed, refused, standing

__all__ = ["listed"]
pytestmark = pytest.mark.requirement("R205", "R208", "R209")
RULE: dict[str, Any] = {
    "id": "debtor", "item": "judgment-debtor", "conditions": ["duty-done", "commitment"],
    "basis": [{"document": "国办发〔2020〕49号", "clause": "六(十一)", "quote_zh": "可修复"}],
}  # fmt: skip


@pytest.fixture
def catalogue(request: pytest.FixtureRequest) -> Catalogue:
    """The shipped catalogue with one rule of repair, changed as a test asks."""
    from tests.integration.matcher.conftest import shipped

    changed: dict[str, Any] = getattr(request, "param", {})
    return from_json({**shipped().to_json(), "repair": [RULE | changed]})


@pytest.mark.requirement("R141", "R205", "R209")
async def test_a_grant_ends_the_record_and_lifts_every_obligation(matcher: Matcher, listed: CreditEvent) -> None:
    duties = sum((await matcher.states()).values())
    assert await matcher.take(lives.repair_applied(listed)) == {"archived": 1}
    assert (await standing(matcher))[0] == "active"
    assert await matcher.take(lives.repair_decided(listed)) == {"archived": 1}
    assert (await standing(matcher))[0] == "repaired"
    assert await matcher.states() == {"lifting": duties}
    lifted = [n for n in await matcher.told() if n.kind == "lifted"]
    assert {n.reason["code"] for n in lifted if n.reason} == {"repaired"}
    (row,) = await matcher.rows("SELECT state, determining FROM matcher.repairs")
    assert tuple(row.values()) == ("granted", lives.COURT)


UNMET = [
    ({}, {"duty_done_on": None}, "repair-duty-undone"),
    ({}, {"commitment": False}, "repair-commitment-missing"),
    ({"conditions": ["minimum-period"], "minimum": {"number": 2, "unit": "years"}}, {}, "repair-too-early"),
    ({"not_repairable": {"document": "某法", "clause": "第一条", "quote_zh": "不得修复"}}, {}, "repair-not-repairable"),
]  # fmt: skip


@pytest.mark.requirement("R207")
@pytest.mark.parametrize(("catalogue", "said", "code"), UNMET, indirect=["catalogue"])
async def test_an_application_that_misses_a_condition_is_refused_with_the_one_it_misses(
    matcher: Matcher, listed: CreditEvent, said: dict[str, object], code: str
) -> None:
    assert await matcher.take(lives.repair_applied(listed, said=said)) == {"refused": 1}
    assert await refused(matcher) == [code]


async def test_a_refusal_needs_a_citation_and_leaves_the_record_as_it_is(matcher: Matcher, listed: CreditEvent) -> None:
    await matcher.take(lives.repair_applied(listed))
    assert await matcher.take(lives.repair_decided(listed, outcome="refused")) == {"refused": 1}
    assert await refused(matcher) == ["repair-citation-missing"]
    cited = {"citation": {"document": "某法", "clause": "第二条"}}
    assert await matcher.take(lives.repair_decided(listed, outcome="refused", said=cited)) == {"archived": 1}
    assert (await standing(matcher))[0] == "active"
    assert await matcher.take(lives.repair_applied(listed, "修2")) == {"archived": 1}, "one may apply again"


async def test_only_the_organ_that_determined_decides(matcher: Matcher, listed: CreditEvent) -> None:
    await matcher.take(lives.repair_applied(listed))
    assert await matcher.take(lives.repair_decided(listed, by="ndrc-130822")) == {"refused": 1}
    assert await refused(matcher) == ["not-determining-department"]


async def test_a_decision_waits_for_its_application(matcher: Matcher, listed: CreditEvent) -> None:
    assert await matcher.take(lives.repair_decided(listed)) == {"waiting-record": 1}
    assert await matcher.take(lives.repair_applied(listed)) == {"archived": 2}
    assert (await standing(matcher))[0] == "repaired"


async def test_an_application_is_overtaken_when_the_record_ends_otherwise(
    matcher: Matcher, listed: CreditEvent
) -> None:
    await matcher.take(lives.repair_applied(listed))
    await matcher.take(lives.withdrawn(listed))
    (row,) = await matcher.rows("SELECT state FROM matcher.repairs")
    assert row["state"] == "overtaken"
    assert await matcher.take(lives.repair_decided(listed)) == {"refused": 1}
    assert await matcher.count("SELECT count(*) FROM matcher.moments WHERE kind = 'repair-due'") == 0
