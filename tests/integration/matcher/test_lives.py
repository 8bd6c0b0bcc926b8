"""Understands what happens to a record after its entry, step by step of its state chart, on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from credithub.domain.events import CreditEvent
from tests.harness import lives
from tests.harness.facts import debtor, fact, registration
from tests.integration.matcher.conftest import Matcher

ORG = "PDY900077"


@pytest.fixture
async def listed(matcher: Matcher) -> CreditEvent:
    """A judgment debtor whose case is open: every agency of the county has its obligations."""
    one = debtor("（2026）冀0822执1号", supplier=lives.COURT, source="//spc-130822/debtors")
    assert await matcher.take(registration(ORG), one) == {"archived": 2}
    return one


async def standing(matcher: Matcher) -> tuple[str, bool, bool, int]:
    """(state, disputed, shielded, version) of the one listing."""
    (row,) = await matcher.rows("SELECT state, disputed, shielded, version FROM matcher.records WHERE item = 'judgment-debtor'"
                                " AND kind = 'judgment-debtor.listed'")  # fmt: skip
    return (str(row["state"]), bool(row["disputed"]), bool(row["shielded"]), int(str(row["version"])))


async def refused(matcher: Matcher) -> list[str]:
    rows = await matcher.rows("SELECT reasons FROM matcher.repeats_seen WHERE outcome = 'refused' ORDER BY decided_at")
    return [reason["code"] for row in rows for reason in matcher.json(row["reasons"])]


async def kinds(matcher: Matcher) -> dict[str, int]:
    """How many notifications of each kind were written."""
    told = [n.kind for n in await matcher.told()]
    return {kind: told.count(kind) for kind in dict.fromkeys(told)}


ENDS: dict[str, Callable[[CreditEvent], CreditEvent]] = {"withdrawn": lives.withdrawn, "deleted": lives.deleted}


@pytest.mark.requirement("R211", "R221", "R222")
@pytest.mark.parametrize("state", ENDS)
async def test_a_record_that_ends_lifts_every_obligation_of_it(
    matcher: Matcher, listed: CreditEvent, state: str
) -> None:
    open_before = sum((await matcher.states()).values())
    assert await matcher.take(ENDS[state](listed)) == {"archived": 1}
    assert (await standing(matcher))[0] == state
    assert await matcher.states() == {"lifting": open_before}
    assert (await kinds(matcher))["lifted"] == open_before
    assert {n.lane for n in await matcher.told() if n.kind == "lifted"} == {"ends"}


@pytest.mark.requirement("R053", "R221")
async def test_a_correction_makes_a_new_version_and_the_old_content_sent_again_changes_nothing(
    matcher: Matcher, listed: CreditEvent
) -> None:
    duties = sum((await matcher.states()).values())
    said = {"debtor": {**listed.data["debtor"], "duty": "支付货款与利息"}}
    assert await matcher.take(lives.corrected(listed, said)) == {"archived": 1}
    assert await standing(matcher) == ("active", False, False, 2)
    assert (await kinds(matcher))["corrected"] == duties
    again = debtor("（2026）冀0822执1号", supplier=lives.COURT, source="//spc-130822/debtors")
    assert await matcher.take(again) == {"duplicate": 1}
    assert await standing(matcher) == ("active", False, False, 2)


async def test_only_the_current_version_is_served_and_the_older_ones_are_kept(
    matcher: Matcher, listed: CreditEvent
) -> None:
    await matcher.take(lives.corrected(listed, {"debtor": {"duty": "甲"}}))
    await matcher.take(lives.corrected(listed, {"debtor": {"duty": "乙"}}))
    kept = await matcher.rows("SELECT version, data FROM matcher.record_versions ORDER BY version")
    assert [row["version"] for row in kept] == [1, 2]
    (now,) = await matcher.rows("SELECT data FROM matcher.records WHERE kind = 'judgment-debtor.listed'")
    assert matcher.json(now["data"]) == {"debtor": {"duty": "乙"}}


@pytest.mark.parametrize(
    "change",
    [lives.withdrawn, lives.deleted, lives.annotated, lives.shielded, lives.unshielded],
    ids=lambda f: f.__name__,
)
async def test_a_change_is_refused_to_all_but_the_determining_department(
    matcher: Matcher, listed: CreditEvent, change: Callable[..., CreditEvent]
) -> None:
    before = await standing(matcher)
    assert await matcher.take(change(listed, by="samr-130822")) == {"refused": 1}
    assert await refused(matcher) == ["not-determining-department"]
    assert await standing(matcher) == before


async def test_a_superior_of_the_same_department_may_change_a_record_and_another_county_may_not(
    matcher: Matcher, listed: CreditEvent
) -> None:
    assert await matcher.take(lives.withdrawn(listed, by="spc-130821")) == {"refused": 1}
    assert await matcher.take(lives.withdrawn(listed, by="spc-130000")) == {"archived": 1}
    assert (await standing(matcher))[0] == "withdrawn"


FORBIDDEN = [
    ("withdrawn", lives.withdrawn), ("withdrawn", lives.objected), ("withdrawn", lives.repair_applied),
    ("withdrawn", lives.shielded), ("deleted", lives.withdrawn), ("deleted", lives.deleted), ("deleted", lives.annotated),
    ("deleted", lambda of: lives.corrected(of, {"debtor": {"duty": "丙"}})),
]  # fmt: skip


@pytest.mark.parametrize(("state", "step"), FORBIDDEN)
async def test_a_step_that_the_state_chart_lacks_is_refused_with_its_code(
    matcher: Matcher, listed: CreditEvent, state: str, step: Callable[[CreditEvent], CreditEvent]
) -> None:
    await matcher.take(ENDS[state](listed))
    before = await standing(matcher)
    assert await matcher.take(step(listed)) == {"refused": 1}
    assert await refused(matcher) == ["record-ended"]
    assert await standing(matcher) == before


async def test_a_fact_that_has_ended_never_acts_again_when_it_is_sent_anew(
    matcher: Matcher, listed: CreditEvent
) -> None:
    await matcher.take(lives.withdrawn(listed))
    again = debtor("（2026）冀0822执1号", supplier=lives.COURT, source="//spc-130822/debtors")
    assert await matcher.take(again) == {"duplicate": 1}
    assert set(await matcher.states()) == {"lifting"}


@pytest.mark.requirement("R215", "R223")
async def test_litigation_is_noted_and_changes_nothing_else(matcher: Matcher, listed: CreditEvent) -> None:
    before = await matcher.states()
    assert await matcher.take(lives.annotated(listed)) == {"archived": 1}
    (row,) = await matcher.rows("SELECT notes FROM matcher.records WHERE kind = 'judgment-debtor.listed'")
    assert [note["kind"] for note in matcher.json(row["notes"])] == ["litigation"]
    assert await matcher.states() == before


async def test_shielding_suspends_for_the_time_being_and_its_end_resumes(matcher: Matcher, listed: CreditEvent) -> None:
    duties = sum((await matcher.states()).values())
    await matcher.take(lives.shielded(listed))
    assert await standing(matcher) == ("active", False, True, 1)
    assert await matcher.count("SELECT count(*) FROM matcher.obligations WHERE suspended") == duties
    await matcher.take(lives.unshielded(listed))
    assert await standing(matcher) == ("active", False, False, 1)
    assert await matcher.count("SELECT count(*) FROM matcher.obligations WHERE suspended") == 0
    assert (await kinds(matcher)) == {"triggered": duties, "suspended": duties, "resumed": duties}


async def test_what_comes_before_its_record_waits_and_happens_on_arrival(matcher: Matcher) -> None:
    one = debtor("（2026）冀0822执2号", supplier=lives.COURT)
    await matcher.take(registration(ORG))
    assert await matcher.take(lives.objected(one)) == {"waiting-record": 1}
    assert await matcher.take(lives.annotated(one, target=lives.by_number(one))) == {"waiting-record": 1}
    assert await matcher.take(one) == {"archived": 3}
    assert await standing(matcher) == ("active", True, False, 1)
    states = await matcher.rows("SELECT DISTINCT state, suspended, due_on FROM matcher.obligations")
    assert [(row["suspended"], row["due_on"]) for row in states] == [(True, None)], "born suspended"
    assert {(n.kind, n.state, n.lane) for n in await matcher.told()} == {("triggered", "suspended", "ends")}
    assert await matcher.count("SELECT count(*) FROM matcher.entries WHERE outcome <> 'archived'") == 0


async def test_a_withdrawal_that_came_first_annuls_its_record_on_arrival(matcher: Matcher) -> None:
    one = debtor("（2026）冀0822执3号", supplier=lives.COURT)
    await matcher.take(registration(ORG), lives.withdrawn(one))
    assert await matcher.take(one) == {"archived": 2}
    assert (await standing(matcher))[0] == "withdrawn"
    assert await matcher.told() == []


async def test_the_number_of_two_records_is_no_name_for_one(matcher: Matcher) -> None:
    first = fact(number="共号1")
    second = fact(number="共号1", document={"number": "共号1", "issuer": "另一局", "decided_on": "2026-11-01"})
    await matcher.take(first, second)
    assert await matcher.take(lives.annotated(first, target=lives.by_number(first))) == {"refused": 1}
    assert await refused(matcher) == ["record-unclear"]


async def test_history_tells_what_was_known_at_each_moment(matcher: Matcher, listed: CreditEvent) -> None:
    await matcher.take(lives.objected(listed, received_at="2026-11-20T09:00:00.000000Z"))
    await matcher.take(lives.corrected(listed, {"debtor": {"duty": "甲"}}, received_at="2026-11-20T10:00:00.000000Z"))
    await matcher.take(lives.settled(listed, received_at="2026-11-20T11:00:00.000000Z"))
    await matcher.take(lives.withdrawn(listed, received_at="2026-11-20T12:00:00.000000Z"))
    rows = await matcher.rows("SELECT change, version, state, disputed FROM matcher.record_changes ORDER BY n")
    assert [tuple(row.values()) for row in rows] == [
        ("disputed", 1, "active", True), ("corrected", 2, "active", True),
        ("objection-withdrawn", 2, "active", False), ("withdrawn", 2, "withdrawn", False),
    ]  # fmt: skip


# --------------------------------------------------------------------------------------------------- witnesses
@pytest.mark.requirement("R042")
async def test_the_same_decision_from_two_sources_is_one_record_with_two_witnesses(
    matcher: Matcher, listed: CreditEvent
) -> None:
    same = debtor("（2026）冀0822执1号", supplier="spc-130800", source="//spc-130800/debtors")
    assert await matcher.take(same) == {"duplicate": 1}
    rows = await matcher.rows("SELECT supplier, agrees FROM matcher.witnesses")
    assert [tuple(row.values()) for row in rows] == [("spc-130800", True)]


@pytest.mark.requirement("R055", "R062")
async def test_a_difference_between_two_sources_is_a_conflict_until_the_owner_settles_it(
    matcher: Matcher, listed: CreditEvent
) -> None:
    other = {"debtor": {**listed.data["debtor"], "duty": "支付工程款"}}
    differs = debtor("（2026）冀0822执1号", supplier="spc-130800", source="//spc-130800/debtors")
    content = lives.corrected(listed, other).data["correction"]["content"]
    said = type(differs)(**{**differs.__dict__, "data": other, "content": content})
    assert await matcher.take(said) == {"refused": 1}
    assert await refused(matcher) == ["conflict"]
    assert await matcher.count("SELECT count(*) FROM matcher.records WHERE in_conflict") == 1
    await matcher.take(lives.corrected(listed, other))
    assert await matcher.count("SELECT count(*) FROM matcher.records WHERE in_conflict") == 0
    rows = await matcher.rows("SELECT agrees, settled_by FROM matcher.witnesses")
    assert [tuple(row.values()) for row in rows] == [(True, lives.COURT)]
