"""Understands a judgment debtor's case from listing to removal: exactly the pairs of the hand-written example."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from credithub import clock
from credithub.demo.organisations import Organisation
from tests.e2e import papers
from tests.harness.eventually import eventually_so
from tests.harness.ground import ROOT
from tests.harness.hub import Holder, Hub
from tests.unit.catalogue.shelf import content, row

EXAMPLE = json.loads((ROOT / "schemas/catalogue/examples/judgment-debtor-130822.json").read_text(encoding="utf-8"))
SEAT = EXAMPLE["seat"]
ACTING = sorted({pair["agency"] for pair in EXAMPLE["expected"]})
BY_KAFKA = set(ACTING[::3])  # the others pull
READING = set(ACTING[1::3])  # and of those, these do
Pair = tuple[str, str, str, str, str]


@dataclass(slots=True)
class County:
    """The county of the example: a court, a register, and all the agencies that must act."""

    hub: Hub
    court: Holder
    register: Holder
    agencies: dict[str, Holder]
    cursors: dict[str, str] = field(default_factory=dict[str, str])

    def registered(self) -> Organisation:
        who = self.hub.organisation()
        event = self.register.event("subject.registered", papers.registration(who, SEAT), self.hub.id("registration"))
        assert self.register.states(event) == ["archived"]
        return who

    def listed(self, who: Organisation) -> str:
        """The id of the event."""
        listing = papers.listing(papers.subject(who), papers.case_number(who.number))
        event = self.court.event("judgment-debtor.listed", listing, self.hub.id("listing"))
        assert self.court.states(event) == ["archived"]
        return event["id"]

    def removed(self, who: Organisation) -> None:
        removal = papers.removal(papers.subject(who), papers.case_number(who.number))
        event = self.court.event("judgment-debtor.removed", removal, self.hub.id("removal"))
        assert self.court.states(event) == ["archived"]

    def trail(self, listing: str) -> dict[str, Any]:
        return self.court.trail(self.court.source, listing)

    def obligations(self, listing: str) -> list[dict[str, Any]]:
        return [each for case in self.trail(listing)["cases"] for each in case["obligations"]]

    def routed(self, listing: str) -> list[dict[str, Any]]:
        """Its obligations, once the agencies that have just come are known to the matcher."""
        return eventually_so(
            lambda: self.obligations(listing),
            lambda found: all(each["agency"] for each in found),
            within=30,
            why="all are routed",
        )

    def read(self, agency: str, listing: str) -> list[dict[str, Any]]:
        """What an agency that pulls is told from where it last read, of this listing's obligations."""
        mine = {each["obligation"] for each in self.obligations(listing) if each["agency"] == agency}
        told, self.cursors[agency] = self.agencies[agency].pull(self.cursors.get(agency, ""))
        return [each for each in told if each["kind"] == "void" or each["notification"]["obligation"] in mine]


@pytest.fixture(scope="module")
def county(hub: Hub) -> County:
    agencies = {id_: hub.agency(id_, "kafka" if id_ in BY_KAFKA else "pull") for id_ in EXAMPLE["agencies"]}
    court = hub.supplier(f"spc-{SEAT}", "judgment-debtor")
    return County(hub, court, hub.supplier(f"aab-{SEAT}", "registration"), agencies)


def pairs(obligations: Iterable[Mapping[str, Any]]) -> list[Pair]:
    measures = [each["clause"]["measure"] for each in obligations]
    return sorted(
        (each["measure"], each["department"], each["agency"], measure["document"], measure["clause"])
        for each, measure in zip(obligations, measures, strict=True)
    )


def expected(*, without: str = "") -> list[Pair]:
    names = ("measure", "department", "agency", "document", "clause")
    return sorted(tuple(pair[name] for name in names) for pair in EXAMPLE["expected"] if pair["measure"] != without)


@contextmanager
def in_force(hub: Hub, catalogue: dict[str, Any], version: str) -> Generator[None]:
    """Another catalogue for a while; then the shipped one once more, under another name."""
    for told, name in ((catalogue, version), (content(), f"{version}-undone")):
        told["manifest"]["version"] = name
        body = {"content": told, "effective_from": clock.today().isoformat()}
        hub.operator.call("POST", "/v1/catalogues", content=body).ok(201)
        if name == version:
            yield


@pytest.mark.requirement(
    "R069",
    "R111",
    "R112",
    "R113",
    "R114",
    "R115",
    "R116",
    "R117",
    "R121",
    "R122",
    "R124",
    "R125",
    "R126",
    "R127",
    "R128",
)
def test_a_debtor_seated_in_the_county_gives_exactly_the_81_pairs_each_with_its_clause(county: County) -> None:
    listing = county.listed(county.registered())
    obligations = county.routed(listing)
    assert len(obligations) == 81
    assert pairs(obligations) == expected()
    for each in obligations:
        measure = each["clause"]["measure"]
        assert measure["quote_zh"]
        assert measure["name_zh"]
        assert measure["name_en"]
        assert f"130822 → {each['agency']}" in each["rule"]
        assert each["catalogue"]


@pytest.mark.requirement("R061")
def test_an_agency_is_told_why_and_no_more_than_its_measure_grants(county: County) -> None:
    who = county.registered()
    listing = county.listed(who)
    agency = min(READING)
    told = eventually_so(lambda: county.read(agency, listing), within=30)
    for each in told:
        notification = each["notification"]
        assert (each["kind"], notification["state"], notification["version"]) == ("triggered", "triggered", 1)
        assert notification["message"] == f"{notification['obligation']}.{notification['epoch']}.1"
        assert notification["subject"]["unified_code"] == who.unified_code
        assert notification["measure"]["document"] == "中办发[2016]64号"
        assert notification["measure"]["quote_zh"]
        assert notification["rule"]
        assert notification["record"]["document"]["number"] == papers.case_number(who.number)
        assert notification["record"]["data"]["debtor"]["case_number"] == papers.case_number(who.number)
        assert (
            "duty" not in json.dumps(notification["record"]["data"]) or notification["record"]["data"]["debtor"]["duty"]
        )


def test_taking_one_measure_out_changes_exactly_its_pairs(county: County) -> None:
    before = county.listed(county.registered())
    changed = content()
    changed["measures"].remove(row(changed, "measures", "P64-29"))
    with in_force(county.hub, changed, county.hub.id("2026-without-P64-29")):
        listing = county.listed(county.registered())
        assert pairs(county.routed(listing)) == expected(without="P64-29")
        assert len(expected()) - len(expected(without="P64-29")) == 3
        assert pairs(county.routed(before)) == expected()
    assert pairs(county.routed(county.listed(county.registered()))) == expected()


@pytest.mark.timeout(180)
def test_a_removal_lifts_every_obligation_at_exactly_the_agencies_that_may_hold_it(county: County) -> None:
    who = county.registered()
    listing = county.listed(who)
    holders = BY_KAFKA | READING
    county.routed(listing)
    eventually_so(lambda: sent_to(county, listing) >= BY_KAFKA, within=60, why="every agency's topic has it")
    for agency in READING:
        eventually_so(lambda agency=agency: county.read(agency, listing), within=30)

    county.removed(who)
    ended = {"lifting": holders, "cancelled": set(ACTING) - holders}
    eventually_so(lambda: by_state(county, listing), lambda found: found == ended, within=60)
    lifted = eventually_so(lambda: lifts(county, listing), lambda found: found["there"] == BY_KAFKA, within=60)
    assert lifted["told"] == holders
    for agency in READING:
        told = eventually_so(lambda agency=agency: county.read(agency, listing), within=30)
        ends = {(each["lane"], each["kind"], each["notification"]["state"]) for each in told if each["kind"] != "void"}
        assert ends == {("ends", "lifted", "lifted")}
        for each in told:
            confirm(county.agencies[agency], each["notification"])
    for agency in set(ACTING) - holders:
        assert {each["kind"] for each in county.read(agency, listing)} == {"void"}
    confirmed = {"lifted": READING, "lifting": BY_KAFKA, "cancelled": set(ACTING) - holders}
    eventually_so(lambda: by_state(county, listing), lambda found: found == confirmed, within=30)


def sent_to(county: County, listing: str) -> set[str]:
    """Agencies of which every obligation was delivered by topic."""
    obligations = county.obligations(listing)
    open_ = {each["agency"] for each in obligations if each["state"] == "triggered"}
    return {each["agency"] for each in obligations} - open_


def by_state(county: County, listing: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for each in county.obligations(listing):
        found.setdefault(each["state"], set()).add(each["agency"])
    return found


def lifts(county: County, listing: str) -> dict[str, set[str]]:
    """Agencies that are told of an end, and those to whose topics all of their ends have come."""
    trail = county.trail(listing)
    ends = {
        each["message"]: each["agency"]
        for each in trail["notifications"]
        if each["kind"] == "lifted" and not each["void"]
    }
    sent = [each for each in trail["deliveries"] if each["channel"] == "kafka" and each["message"] in ends]
    late = {each["agency"] for each in sent if each["state"] != "delivered"}
    return {"told": set(ends.values()), "there": {each["agency"] for each in sent} - late}


def confirm(agency: Holder, notification: Mapping[str, Any]) -> None:
    said = {"epoch": notification["epoch"], "version": notification["version"], "answer": "lift-confirmed"}
    agency.answer(notification["obligation"], said).ok(202)
