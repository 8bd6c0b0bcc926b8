"""Understands facts that come before what they need: they wait, visibly, and apply in their order."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from credithub.demo.organisations import Organisation
from tests.e2e import papers
from tests.harness.eventually import eventually_so
from tests.harness.hub import Holder, Hub, JsonObject


@dataclass(slots=True)
class Town:
    hub: Hub
    county: str
    court: Holder
    bureau: Holder
    register: Holder
    justice: Holder

    def registers(self, who: Organisation) -> None:
        event = self.register.event(
            "subject.registered", papers.registration(who, self.county), self.hub.id("registration")
        )
        assert self.register.states(event) == ["archived"]

    def lists(self, about: JsonObject, case: str) -> JsonObject:
        return self.court.event("judgment-debtor.listed", papers.listing(about, case), self.hub.id("listing"))

    def removes(self, about: JsonObject, case: str) -> JsonObject:
        return self.court.event("judgment-debtor.removed", papers.removal(about, case), self.hub.id("removal"))

    def licenses(self, about: JsonObject, number: str, content: str) -> JsonObject:
        return self.bureau.event("licence.granted", papers.licence(about, number, content), self.hub.id("licence"))

    def state(self, holder: Holder, event: JsonObject) -> str:
        return holder.trail(event["source"], event["id"])["arrivals"][-1]["state"]

    def archived(self, holder: Holder, *events: JsonObject) -> None:
        for event in events:
            eventually_so(lambda event=event: self.state(holder, event), lambda state: state == "archived")

    def told(self) -> list[tuple[str, str]]:
        """(lane, case) of all that the justice bureau was told."""
        return [(each["lane"], each["notification"]["record"]["document"]["number"]) for each in self.justice.pull()[0]]


@pytest.fixture
def town(hub: Hub) -> Town:
    county = hub.county()
    return Town(
        hub,
        county,
        hub.supplier(f"spc-{county}", "judgment-debtor"),
        hub.supplier(f"mnr-{county}", "licence"),
        hub.supplier(f"aab-{county}", "registration"),
        hub.agency(f"moj-{county}", "pull"),
    )


@pytest.mark.requirement("R017")
def test_facts_under_an_old_code_wait_and_the_registration_releases_them_in_their_order(town: Town) -> None:
    who = town.hub.organisation()
    about = papers.old_subject(who)
    events = [town.licenses(about, f"演许〔2026〕{who.number}号", f"第{n}稿") for n in (1, 2, 3)]
    listing = town.lists(about, papers.case_number(who.number))
    for event in events:
        assert town.bureau.states(event) == ["waiting-subject"]
    assert town.court.states(listing) == ["waiting-subject"]
    assert town.told() == []

    (submission, *_) = town.bureau.get("/v1/submissions")["submissions"]
    assert (submission["waiting"], submission["pending"]) == (1, 0)
    (entry,) = town.bureau.get(f"/v1/submissions/{submission['submission']}")["results"]
    (awaited,) = entry["waiting_for"]
    assert (awaited["scheme"], awaited["value"]) == ("registration_number", who.registration_number)
    assert awaited["since"]

    town.registers(who)
    town.archived(town.bureau, *events)
    town.archived(town.court, listing)
    records = [town.bureau.trail(event["source"], event["id"])["record"] for event in events]
    assert len({record["record"] for record in records}) == 1
    assert (records[0]["version"], records[0]["data"]["licence"]["content"]) == (3, "第3稿")
    assert records[0]["organisation_code"] == who.unified_code[8:17]
    eventually_so(town.told, lambda told: told == [("rest", papers.case_number(who.number))] * 2)


def test_one_that_comes_after_the_registration_goes_straight_through(town: Town) -> None:
    who = town.hub.organisation()
    town.registers(who)
    assert town.bureau.states(town.licenses(papers.old_subject(who), f"演许〔2026〕{who.number}号", "准予")) == [
        "archived"
    ]


def test_a_name_alone_never_matches_even_the_only_one_of_that_name(town: Town) -> None:
    who, other = town.hub.organisation(), town.hub.organisation()
    town.registers(who)
    by_name = town.lists({"name": who.name}, papers.case_number(who.number))
    assert town.court.states(by_name) == ["waiting-subject"]
    town.registers(other)  # and what comes later must arrive, so that nothing means nothing
    assert town.court.states(town.lists(papers.subject(other), papers.case_number(other.number))) == ["archived"]
    eventually_so(town.told, lambda told: len(told) == 2)
    assert {case for _, case in town.told()} == {papers.case_number(other.number)}
    assert town.state(town.court, by_name) == "waiting-subject"
    seen = town.hub.operator.get(f"/v1/subjects/{who.unified_code}")
    assert [record["item"] for record in seen["records"]] in ([], ["registration"])


def test_a_removal_that_comes_before_its_listing_waits_and_annuls_it(town: Town) -> None:
    who = town.hub.organisation()
    town.registers(who)
    case = papers.case_number(who.number)
    removal, listing = town.removes(papers.subject(who), case), town.lists(papers.subject(who), case)
    assert town.court.states(removal) == ["waiting-record"]
    (submission, *_) = town.court.get("/v1/submissions")["submissions"]
    (entry,) = town.court.get(f"/v1/submissions/{submission['submission']}")["results"]
    (awaited,) = entry["waiting_for"]
    assert (awaited["item"], awaited["organisation_code"]) == ("judgment-debtor", who.unified_code[8:17])

    assert town.court.states(listing) == ["archived"]
    town.archived(town.court, removal)
    record = town.court.trail(listing["source"], listing["id"])["record"]
    assert record["state"] != "active"
    other = town.hub.organisation()
    town.registers(other)
    assert town.court.states(town.lists(papers.subject(other), papers.case_number(other.number))) == ["archived"]
    eventually_so(town.told, lambda told: ("rest", papers.case_number(other.number)) in told)
    obligations = [
        each for case in town.court.trail(listing["source"], listing["id"])["cases"] for each in case["obligations"]
    ]
    assert {each["state"] for each in obligations} <= {"cancelled", "lifted", "lifting"}
    assert ("rest", case) not in town.told()
