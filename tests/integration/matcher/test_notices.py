"""Understands notices: a public body's or a state firm's superior and the auditors are told, for information, and let go."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from credithub import clock
from tests.harness import lives
from tests.harness.facts import debtor, registration, removal
from tests.integration.gateway.conftest import hub  # noqa: F401
from tests.integration.matcher.turning import NEW, OLD, in_days, newer, turning  # noqa: F401
from tests.unit.catalogue.shelf import row

if TYPE_CHECKING:
    from credithub.domain.events import CreditEvent
    from credithub.domain.notifications import Notification
    from tests.integration.matcher.clockwork import Works
    from tests.integration.matcher.conftest import Matcher
    from tests.integration.matcher.turning import Turning

ORG = "PDY900077"
SUPERIOR, ANOTHER, AUDIT = "moe-130822", "moe-130800", "audit-130822"
QUOTE = "机关事业单位、国有企业出现违法失信行为的，要通报上级主管单位和审计部门"


def body(
    subject_class: str | None = "public-institution", superior: str | None = SUPERIOR, org: str = ORG
) -> CreditEvent:
    """What the register says of a school."""
    made = registration(org)
    said = {"class": subject_class, "superior": superior}
    made.data["registration"].update({name: value for name, value in said.items() if value})
    return made


def about_notices(told: list[Notification]) -> list[tuple[str, str]]:
    return [(n.kind, n.agency) for n in told if n.measure["id"] == "S35-11"]


async def standing(matcher: Matcher) -> set[tuple[str, str | None, int, str]]:
    rows = await matcher.rows(
        "SELECT department, agency, round, state FROM matcher.obligations_v"
        " WHERE measure = 'S35-11' AND state NOT IN ('lifting', 'lifted', 'cancelled')"
    )
    return {(str(r["department"]), row_agency(r), int(str(r["round"])), str(r["state"])) for r in rows}


def row_agency(found: dict[str, object]) -> str | None:
    return None if found["agency"] is None else str(found["agency"])


@pytest.fixture
def matcher_here(matcher: Matcher) -> Matcher:
    matcher.have([SUPERIOR, ANOTHER, AUDIT, "mof-130822"])
    return matcher


@pytest.mark.requirement("R088")
async def test_superior_and_auditors_are_told_for_information_with_rule_and_clause(matcher_here: Matcher) -> None:
    await matcher_here.take(body())
    await matcher_here.take(debtor("执1"))
    told = {n.agency: n for n in await matcher_here.told() if n.measure["id"] == "S35-11"}
    assert set(told) == {SUPERIOR, AUDIT}
    for notice in told.values():
        said = notice.measure
        assert (said["kind"], said["class"], said["effect"]) == ("supervision", "recommended", "inform")
        assert (said["document"], said["clause"], said["quote_zh"]) == ("国办发〔2019〕35号", "四(十二)", QUOTE)
        assert notice.due_on is None
    rows = await matcher_here.rows("SELECT agency, mandatory, rule FROM matcher.obligations_v WHERE measure = 'S35-11'")
    assert not any(r["mandatory"] for r in rows)
    rules = {row_agency(r): str(r["rule"]) for r in rows}
    assert rules[SUPERIOR] == f"inform-superior-unit (public-institution): {SUPERIOR} → {SUPERIOR}"
    assert rules[AUDIT].startswith("inform-audit (public-institution); nearest-at-or-above-seat: ")
    assert await matcher_here.count(
        "SELECT count(*) FROM matcher.moments WHERE kind = 'answer-due'"
    ) == await matcher_here.count("SELECT count(*) FROM matcher.obligations WHERE due_on IS NOT NULL")


async def test_of_an_ordinary_firm_nobody_is_told_besides(matcher_here: Matcher) -> None:
    await matcher_here.take(body("enterprise"), body(None, org="PDY900078"))
    await matcher_here.take(debtor("执1"), debtor("执2", "PDY900078"))
    assert await standing(matcher_here) == set()
    for org in (ORG, "PDY900078"):
        assert sum((await matcher_here.states(org)).values()) == 81


@pytest.mark.requirement("R088")
async def test_objection_and_removal_reach_whoever_was_told(matcher_here: Matcher) -> None:
    made = debtor("执1", role="entry")
    await matcher_here.take(body())
    await matcher_here.take(made)
    await matcher_here.take(lives.objected(made))
    await matcher_here.take(lives.settled(made))
    await matcher_here.take(removal("执1", role="exit"))
    told = about_notices(await matcher_here.told())
    for agency in (SUPERIOR, AUDIT):
        assert [kind for kind, who in told if who == agency] == ["triggered", "suspended", "resumed", "lifted"]


async def test_an_unknown_superior_stays_visible_until_the_register_names_one(matcher_here: Matcher) -> None:
    await matcher_here.take(body(superior=None))
    await matcher_here.take(debtor("执1"))
    audited = ("audit", AUDIT, 1, "triggered")
    assert await standing(matcher_here) == {("superior_unit", None, 1, "unrouted"), audited}
    await matcher_here.take(body(superior="moe-139900"))  # of no agency of the hub
    assert await standing(matcher_here) == {("superior_unit", None, 1, "unrouted"), audited}
    await matcher_here.take(body())
    assert await standing(matcher_here) == {("superior_unit", SUPERIOR, 1, "triggered"), audited}


async def test_a_superior_that_joins_the_hub_later_is_told_then(works: Works) -> None:
    matcher = works.matcher
    await works.register("mof-130822")
    await works.sweep()
    await matcher.take(body())
    await matcher.take(debtor("执1"))
    assert await standing(matcher) == {("superior_unit", None, 1, "unrouted"), ("audit", None, 1, "unrouted")}
    await works.register(SUPERIOR)
    await works.sweep()
    assert await standing(matcher) == {("superior_unit", SUPERIOR, 1, "triggered"), ("audit", None, 1, "unrouted")}


@pytest.mark.requirement("R088")
async def test_another_superior_is_told_and_the_old_one_lets_go(matcher_here: Matcher) -> None:
    await matcher_here.take(body())
    await matcher_here.take(debtor("执1"))
    await matcher_here.take(body(superior=ANOTHER))
    assert ("superior_unit", ANOTHER, 1, "triggered") in await standing(matcher_here)
    await matcher_here.take(body())
    assert await standing(matcher_here) == {
        ("superior_unit", SUPERIOR, 2, "triggered"), ("audit", AUDIT, 1, "triggered"),
    }  # fmt: skip
    told = [pair for pair in about_notices(await matcher_here.told()) if pair[1] != AUDIT]
    assert told == [
        ("triggered", SUPERIOR), ("lifted", SUPERIOR), ("triggered", ANOTHER), ("lifted", ANOTHER), ("triggered", SUPERIOR),
    ]  # fmt: skip


async def test_a_class_that_is_learned_late_begins_notices_and_another_class_ends_them(matcher_here: Matcher) -> None:
    made = debtor("执1", role="entry")
    await matcher_here.take(made)
    await matcher_here.take(lives.objected(made))
    await matcher_here.take(body("state-firm", superior=None))
    assert await standing(matcher_here) == {("superior_unit", None, 1, "unrouted"), ("audit", AUDIT, 1, "triggered")}
    assert ("triggered", AUDIT) in about_notices(await matcher_here.told())
    assert (
        await matcher_here.count("SELECT count(*) FROM matcher.obligations WHERE measure = 'S35-11' AND suspended") == 1
    )
    await matcher_here.take(body("enterprise"))
    assert await standing(matcher_here) == set()
    assert about_notices(await matcher_here.told())[-1] == ("lifted", AUDIT)
    assert await matcher_here.count("SELECT count(*) FROM matcher.cases WHERE closed_at IS NULL") == 1


async def test_the_preview_of_notices_is_exactly_what_really_happens(turning: Turning) -> None:  # noqa: F811
    matcher = turning.matcher
    people = {"PDY910806": body("government", "mof-130822", "PDY910806"), "PDY910814": body(None, None, "PDY910814")}
    people["PDY910822"] = body("state-firm", None, "PDY910822")
    people["PDY910830"] = body("enterprise", "mof-130822", "PDY910830")
    for org, said in people.items():
        await matcher.take(said)
        await matcher.take(debtor(f"执{org}", org, role="entry", catalogue=OLD))
    before = await turning.standing()
    made = newer(in_days(20), "active")
    row(made, "routing", "inform-superior-unit")["subject_classes"] = ["state-firm", "enterprise"]
    await turning.load(made)
    ends, makes, _ = await turning.foretold(NEW)
    about = {(what, agency) for some, what in ((ends, "end"), (makes, "make")) for _, measure, department, agency in some
             if (measure, department) == ("S35-11", "superior_unit")}  # fmt: skip
    assert about == {("end", "mof-130822"), ("make", "mof-130822")}  # the government's goes, the firm's comes
    clock.set_ahead(timedelta(days=20))
    await turning.sweep()
    after = await turning.standing()
    assert {each for each, _ in before - after} == ends
    assert {each for each, _ in after - before} == makes
