"""Understands entries on closed lists on PostgreSQL: notice before them, their term, and that counting makes none."""

from __future__ import annotations

from typing import Any

import pytest

from credithub.domain.catalogue import Catalogue, from_json
from tests.harness import lives
from tests.harness.facts import fact, registration
from tests.integration.matcher.conftest import Matcher, shipped
from tests.integration.matcher.test_lives import refused

ORG = "PDY900077"
LIST = "wage-arrears-test"
BASIS = {"document": "国办发〔2020〕49号", "clause": "四(八)", "quote_zh": "载明"}


def _made(**changed: Any) -> Catalogue:
    """The shipped catalogue with a list of the tests' own, on which the debtors' measures act."""
    content = shipped().to_json()
    debtor = next(item for item in content["items"] if item["code"] == "judgment-debtor")
    list_type = next(each for each in content["list_types"] if each["code"] == "judgment-debtor")
    events = ["list.notice-given", "list.entered", "list.removed"]
    content["items"].append(debtor | {"code": LIST, "events": events, "owners": ["mohrss"], "list_type": LIST})
    content["list_types"].append(
        list_type
        | {"code": LIST, "item": LIST, "owners": ["mohrss"], "entry": {"event": "list.entered", "level": "county"},
           "exit": {"event": "list.removed", "reasons": list_type["exit"]["reasons"]}, "demands": ["notice"],
           "waiting": "waiting-test", **changed}
    )  # fmt: skip
    content["periods"].append(
        {"id": "waiting-test", "name_zh": "告知", "name_en": "notice", "kind": "deadline", "starts": "told",
         "maximum": {"number": 5, "unit": "working-days"}}
    )  # fmt: skip
    for measure in content["measures"]:
        if measure["executable"]:
            measure["triggers"] = [*measure["triggers"], LIST]
    return from_json(content)


@pytest.fixture
def catalogue(request: pytest.FixtureRequest) -> Catalogue:
    return _made(**getattr(request, "param", {}))


def entered(number: str = "列1", **changed: Any):
    return lives.listed(ORG, LIST, number, supplier="mohrss-130822", **changed)


def given(number: str = "告1", given_on: str = "2026-09-01", **changed: Any):
    return lives.notice(ORG, LIST, number, given_on, supplier="mohrss-130822", **changed)


@pytest.mark.requirement("R138", "R228")
async def test_an_entry_without_notice_before_it_is_refused(matcher: Matcher) -> None:
    await matcher.take(registration(ORG))
    assert await matcher.take(entered()) == {"refused": 1}
    assert await refused(matcher) == ["listing-notice-missing"]
    assert await matcher.told() == []


@pytest.mark.requirement("R138")
async def test_an_entry_decided_before_the_waiting_time_is_over_is_refused(matcher: Matcher) -> None:
    await matcher.take(registration(ORG), given(given_on="2026-10-29"))
    assert await matcher.take(entered(notice_number="告1")) == {"refused": 1}
    assert await refused(matcher) == ["listing-notice-too-early"]


@pytest.mark.requirement("R130", "R082")
async def test_an_entry_after_notice_opens_its_case_and_its_removal_ends_it(matcher: Matcher) -> None:
    await matcher.take(registration(ORG), given())
    one = entered(notice_number="告1")
    assert await matcher.take(one) == {"archived": 1}
    duties = sum((await matcher.states()).values())
    assert duties > 0
    assert await matcher.take(lives.delisted(one, supplier="mohrss-130822")) == {"archived": 1}
    assert await matcher.states() == {"lifting": duties}
    (row,) = await matcher.rows("SELECT state, end_reason FROM matcher.records WHERE kind = 'list.entered'")
    assert row["state"] == "removed"
    assert matcher.json(row["end_reason"])["code"] == "removed"


async def test_notice_and_entry_in_one_batch_stand_together(matcher: Matcher) -> None:
    await matcher.take(registration(ORG))
    assert await matcher.take(given(), entered(notice_number="告1")) == {"archived": 2}


async def test_a_notice_is_no_listing_and_asks_nothing_of_anybody(matcher: Matcher) -> None:
    await matcher.take(registration(ORG), given())
    assert await matcher.told() == []
    assert await matcher.count("SELECT count(*) FROM matcher.cases") == 0


@pytest.mark.requirement("R057", "R130")
@pytest.mark.parametrize("catalogue", [{"reference_only": True, "demands": []}], indirect=True)
async def test_a_third_partys_list_is_kept_for_reference_and_never_triggers(matcher: Matcher) -> None:
    await matcher.take(registration(ORG))
    assert await matcher.take(entered()) == {"archived": 1}
    assert await matcher.told() == []


async def test_a_hundred_penalties_put_nobody_on_a_list(matcher: Matcher) -> None:
    penalties = [
        fact("penalty.imposed", "penalty", org=ORG, data={"penalty": {"offence": f"第{n}次"}}) for n in range(100)
    ]
    assert await matcher.take(registration(ORG), *penalties) == {"archived": 101}
    rows = await matcher.rows("SELECT DISTINCT kind FROM matcher.records ORDER BY kind")
    assert [row["kind"] for row in rows] == ["penalty.imposed", "subject.registered"]
    assert await matcher.count("SELECT count(*) FROM matcher.cases") == 0
    assert await matcher.told() == []


@pytest.mark.requirement("R204")
async def test_a_listing_whose_term_was_over_when_it_came_is_kept_and_asks_nothing(matcher: Matcher) -> None:
    await matcher.take(registration(ORG), given())
    late = entered(notice_number="告1", said={"until": "2026-11-10"})
    assert await matcher.take(late) == {"archived": 1}
    rows = await matcher.rows("SELECT state FROM matcher.records WHERE kind = 'list.entered'")
    assert [row["state"] for row in rows] == ["expired"]
    assert await matcher.told() == []


@pytest.mark.requirement("R144")
@pytest.mark.parametrize("catalogue", [{"demands": []}], indirect=True)
async def test_listings_carry_the_last_day_that_their_decision_names(matcher: Matcher) -> None:
    await matcher.take(registration(ORG), entered(said={"until": "2027-05-31"}))
    rows = await matcher.rows("SELECT kind, fires_on::text AS day FROM matcher.moments WHERE kind = 'term-ends'")
    assert [tuple(row.values()) for row in rows] == [("term-ends", "2027-06-01")]
