"""Understands incentives: a red listing is acted on, doubted and ended as any other, and never restrains anybody."""

from __future__ import annotations

from datetime import date

import pytest

from credithub.domain.catalogue import Catalogue, check, from_json
from tests.harness import lives
from tests.harness.business import Business
from tests.harness.facts import debtor, registration
from tests.integration.matcher.clockwork import Works
from tests.integration.matcher.conftest import Matcher, shipped

ORG = "PDY900077"
INCENTIVE = "P33-I02"
SAMR, TAX = "samr-130822", "sta-130822"


@pytest.fixture
def catalogue() -> Catalogue:
    """The shipped catalogue in which the green channel follows from the red list."""
    content = shipped().to_json()
    measure = next(each for each in content["measures"] if each["id"] == INCENTIVE)
    measure.update(
        executable=True, because=None, departments=["samr", "sta"], term="listing-until-removed", triggers=["red"]
    )
    made = from_json(content)
    assert check(made) == []
    return made


@pytest.fixture
async def red(matcher: Matcher) -> Matcher:
    matcher.have([SAMR, TAX])
    await matcher.take(registration(ORG))
    return matcher


def listing(number: str = "红1", **said: str):
    return lives.listed(ORG, "red", number, supplier="ndrc-130822", said=said)


async def kinds(matcher: Matcher) -> dict[str, list[str]]:
    """Of each agency, in order, what it was told."""
    told: dict[str, list[str]] = {}
    for notification in await matcher.told():
        told.setdefault(notification.agency, []).append(notification.kind)
    return told


@pytest.mark.requirement("R130")
async def test_a_red_listing_asks_its_departments_for_the_incentive_and_for_nothing_else(red: Matcher) -> None:
    assert await red.take(listing()) == {"archived": 1}
    told = await red.told()
    assert {(n.agency, n.measure["id"], n.measure["kind"], n.measure["effect"]) for n in told} == {
        (agency, INCENTIVE, "incentive", "expedite") for agency in (SAMR, TAX)
    }
    assert await red.states() == {"triggered": 2}


async def test_a_listing_of_dishonesty_never_leads_to_an_incentive(red: Matcher) -> None:
    await red.take(debtor("执1", role="entry"))
    told = await red.told()
    assert told
    assert "incentive" not in {n.measure["kind"] for n in told}


@pytest.mark.requirement("R130")
async def test_an_objection_suspends_it_and_its_removal_lifts_it(red: Matcher) -> None:
    made = listing()
    await red.take(made)
    await red.take(lives.objected(made))
    await red.take(lives.settled(made))
    await red.take(lives.delisted(made))
    assert await kinds(red) == {agency: ["triggered", "suspended", "resumed", "lifted"] for agency in (SAMR, TAX)}
    assert await red.states() == {"lifting": 2}


async def test_its_withdrawal_lifts_it(red: Matcher) -> None:
    made = listing()
    await red.take(made)
    await red.take(lives.withdrawn(made))
    assert await kinds(red) == {SAMR: ["triggered", "lifted"], TAX: ["triggered", "lifted"]}


async def test_the_end_of_its_term_lifts_it(works: Works, red: Matcher, catalogue: Catalogue) -> None:
    await red.take(listing(until="2026-12-31"))
    Business(catalogue).until(date(2027, 1, 1))
    await works.work()
    assert await kinds(red) == {SAMR: ["triggered", "lifted"], TAX: ["triggered", "lifted"]}
    rows = await red.rows("SELECT state FROM matcher.records WHERE kind = 'list.entered'")
    assert [r["state"] for r in rows] == ["expired"]
