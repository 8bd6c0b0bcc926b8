"""Understands trigger, feedback and lift: which agencies must act, what they answer, and how it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pytest

from credithub.domain.notifications import DeliveryReport, Feedback, Notification
from tests.harness.facts import debtor, registration, removal
from tests.harness.ground import ROOT

if TYPE_CHECKING:
    from credithub.domain.catalogue import Catalogue
    from tests.integration.matcher.conftest import Matcher

NOW = "2026-11-20T09:00:00.000000Z"


def answer(to: Notification, said: str, n: int = 1, **changed: Any) -> Feedback:
    values: dict[str, Any] = {
        "id": f"fbk_{said}_{n}", "agency": to.agency, "obligation": to.obligation, "epoch": to.epoch,
        "version": to.version, "answer": said, "reason": None, "document": None, "happened_on": None,
        "received_at": NOW, "via": "http",
    }  # fmt: skip
    return Feedback(**(values | changed))


@pytest.fixture
async def triggered(matcher: Matcher) -> list[Notification]:
    await matcher.take(registration("PDY900077"))
    await matcher.take(debtor("执1"))
    return await matcher.told("credit.notifications")


async def test_a_debtor_seated_in_the_county_calls_upon_exactly_the_hand_written_pairs(
    matcher: Matcher, triggered: list[Notification], catalogue: Catalogue
) -> None:
    assert len(triggered) == 81
    pairs = {(n.measure["id"], n.measure["department"]) for n in triggered}
    assert pairs == {(measure.id, department) for measure, department in catalogue.measures_for("judgment-debtor")}
    assert all(n.measure["clause"] and n.measure["quote_zh"] and n.rule for n in triggered)


@pytest.mark.requirement("R003")
async def test_without_a_seat_the_obligations_stay_unrouted_until_the_register_names_one(matcher: Matcher) -> None:
    await matcher.take(debtor("执1"))
    assert await matcher.states() == {"unrouted": 81}
    await matcher.take(registration("PDY900077"))
    assert await matcher.states() == {"triggered": 81}


async def test_a_department_without_an_agency_stays_visible_as_unrouted(matcher: Matcher) -> None:
    matcher.agencies("mnr")
    await matcher.take(registration("PDY900077"))
    await matcher.take(debtor("执1"))
    states = await matcher.states()
    assert states["unrouted"] + states["triggered"] == 81
    assert states["unrouted"] > 0


async def test_removal_lifts_every_obligation_under_a_higher_version_on_the_lane_of_ends(
    matcher: Matcher, triggered: list[Notification]
) -> None:
    await matcher.take(removal("执1"))
    ends = await matcher.told("credit.notifications.ends")
    assert {(n.obligation, n.version, n.state, n.lane) for n in ends} == {
        (n.obligation, 2, "lifted", "ends") for n in triggered
    }
    assert await matcher.states() == {"lifting": 81}


@pytest.mark.requirement("R080")
async def test_an_answer_moves_its_obligation_and_only_forward(matcher: Matcher, triggered: list[Notification]) -> None:
    one = triggered[0]
    await matcher.hear(answer(one, "executed"))
    await matcher.hear(answer(one, "acknowledged"))
    await matcher.reported(
        DeliveryReport(
            agency=one.agency,
            obligation=one.obligation,
            epoch=1,
            version=1,
            outcome="delivered",
            channel="kafka",
            at=NOW,
        )
    )
    assert await matcher.states() == {"executed": 1, "triggered": 80}


async def test_the_same_answer_twice_has_one_effect(matcher: Matcher, triggered: list[Notification]) -> None:
    one = answer(triggered[0], "acknowledged")
    assert await matcher.hear(one, one) == {"answered": 1}
    assert await matcher.hear(one) == {}


@pytest.mark.parametrize(
    ("said", "changed", "code"),
    [
        ("declined", {}, "reason-required"),
        ("declined", {"reason": "because"}, "reason-unknown"),
        ("acknowledged", {"version": 9}, "version-unknown"),
        ("acknowledged", {"agency": "someone-else"}, "obligation-unknown"),
        ("lift-confirmed", {}, "nothing-to-confirm"),
        ("suspension-confirmed", {}, "nothing-to-confirm"),
    ],
)
async def test_a_wrong_answer_comes_back_with_its_reason(
    matcher: Matcher, triggered: list[Notification], said: str, changed: dict[str, Any], code: str
) -> None:
    wrong = answer(triggered[0], said, **changed)
    assert await matcher.hear(wrong) == {"refused": 1}
    refusal = (await matcher.told("credit.notifications"))[-1]
    assert refusal.kind == "feedback-refused"
    assert refusal.agency == wrong.agency
    assert refusal.reason is not None
    assert refusal.reason["code"] == code


async def test_a_lift_is_confirmed_only_for_the_version_it_names(
    matcher: Matcher, triggered: list[Notification]
) -> None:
    await matcher.take(removal("执1"))
    ends = await matcher.told("credit.notifications.ends")
    assert await matcher.hear(answer(ends[0], "lift-confirmed", version=1)) == {"refused": 1}
    assert await matcher.hear(answer(ends[0], "lift-confirmed", n=2)) == {"answered": 1}
    assert await matcher.states() == {"lifting": 80, "lifted": 1}


async def test_a_truthful_late_execution_is_recorded_and_keeps_the_lift_owed(
    matcher: Matcher, triggered: list[Notification]
) -> None:
    await matcher.take(removal("执1"))
    ends = await matcher.told("credit.notifications.ends")
    await matcher.hear(answer(ends[0], "lift-confirmed"))
    await matcher.hear(answer(ends[0], "executed", version=1))
    assert await matcher.states() == {"lifting": 81}
    assert await matcher.count("SELECT count(*) FROM matcher.obligations WHERE executed") == 1


async def test_an_answer_for_an_obligation_not_yet_known_waits_for_it(matcher: Matcher) -> None:
    from credithub import ids

    await matcher.take(registration("PDY900077"))
    listing = debtor("执1")
    await matcher.take(listing)
    first = (await matcher.told())[0]
    unknown = answer(first, "acknowledged", obligation=ids.obligation_id("x", "y", "z", 1))
    assert await matcher.hear(unknown) == {"answered": 1}
    assert await matcher.count("SELECT count(*) FROM matcher.feedback WHERE outcome = 'waiting'") == 1


async def test_a_lift_that_nobody_ever_received_is_cancelled(matcher: Matcher, triggered: list[Notification]) -> None:
    await matcher.take(removal("执1"))
    one = (await matcher.told("credit.notifications.ends"))[0]
    await matcher.reported(
        DeliveryReport(
            agency=one.agency, obligation=one.obligation, epoch=1, version=2, outcome="cancelled", channel="-", at=NOW
        )
    )
    assert await matcher.states() == {"lifting": 80, "cancelled": 1}


@pytest.mark.requirement("R058")
async def test_an_agency_is_told_only_the_fields_that_its_measure_grants(triggered: list[Notification]) -> None:
    for one in triggered:
        assert "duty" not in one.record["data"].get("debtor", {})


@pytest.mark.parametrize("name", ["judgment-debtor-130822", "judgment-debtor-130822-gaps"])
async def test_the_obligations_are_exactly_those_of_the_hand_written_example(matcher: Matcher, name: str) -> None:
    example = orjson.loads((ROOT / "schemas" / "catalogue" / "examples" / f"{name}.json").read_bytes())
    matcher.have(example["agencies"])
    await matcher.take(registration("PDY900077", seat=example["seat"]))
    await matcher.take(debtor("执1"))
    told = {(n.measure["id"], n.measure["department"], n.agency, n.measure["clause"]) for n in await matcher.told()}
    assert told == {
        (row["measure"], row["department"], row["agency"], row["clause"])
        for row in example["expected"]
        if row["agency"]
    }
